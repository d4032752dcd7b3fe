import com.android.apksig.ApkSigner;
import com.android.apksig.ApkVerifier;
import com.android.apksig.KeyConfig;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;

/** Signs a package, aligns what is stored in it, and verifies the result: IN OUT KEYSTORE PASSWORD ALIAS. */
public final class Sign {
    private static final int PAGE = 16384;

    public static void main(String[] args) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        char[] password = args[3].toCharArray();
        try (InputStream stream = new FileInputStream(args[2])) {
            store.load(stream, password);
        }
        PrivateKey key = (PrivateKey) store.getKey(args[4], password);
        X509Certificate certificate = (X509Certificate) store.getCertificate(args[4]);
        ApkSigner.SignerConfig signer =
                new ApkSigner.SignerConfig.Builder(args[4], new KeyConfig.Jca(key), List.of(certificate)).build();
        File out = new File(args[1]);
        new ApkSigner.Builder(List.of(signer))
                .setInputApk(new File(args[0]))
                .setOutputApk(out)
                .setLibraryPageAlignmentBytes(PAGE)
                .build()
                .sign();
        ApkVerifier.Result result = new ApkVerifier.Builder(out).build().verify();
        System.out.printf(
                "[app-check] signed and verified: %s, v2 %s, v3 %s%n",
                result.isVerified(), result.isVerifiedUsingV2Scheme(), result.isVerifiedUsingV3Scheme());
        if (!result.isVerified()) {
            result.getErrors().forEach(System.err::println);
            System.exit(1);
        }
    }
}
