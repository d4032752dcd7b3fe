package io.edgedepth.demo.core.depth

/** How many colours there are. */
const val COLOURS = 256

/** sRGB of each colour, two hexadecimal digits per channel, as `edgedepth.runtime.colour.colour_table` makes them. */
private const val DIGITS =
    "190f411a10431b10441c10451e10461f114720114821114922124a24124c25124d26134e28134f2913502a13512b1452" +
    "2d14532e14542f155531155532155633155735165836165938165a39175b3a175c3c175c3d185d3f185e40185f41185f" +
    "431960441961461961471a62491a634a1a634c1a644d1b654e1b65501b66511c66531c67541c67561d68571d68591d69" +
    "5a1e695c1e6a5d1e6a5f1e6a601f6b621f6b631f6b65206c66206c68206c69216d6b216d6d216d6e226d70226e71236e" +
    "73236e74236e76246e77246f79246f7a256f7c256f7d266f7f266f80266f82276f83276f85286f86286f88296f89296f" +
    "8b2a6f8c2a6f8e2a6f8f2b6f912b6f922c6f942c6e952d6e972d6e982e6e992f6e9b2f6e9c306d9e306d9f316da1316d" +
    "a2326ca3336ca5336ca6346ca8356ba9356baa366bac376aad376aaf386ab03969b13969b33a69b43b68b53c68b73c68" +
    "b83d67b93e67ba3f66bc4066bd4066be4165bf4265c14364c24464c34563c44663c64762c74762c84861c94961ca4a60" +
    "cb4b60cc4c5fce4d5fcf4e5ed04f5ed1505dd2515dd3525cd4535cd5545bd6555bd7575ad8585ad95959da5a59db5b58" +
    "dc5c58dd5d57de5e57df6056e06156e16255e26354e26454e36653e46753e56852e66952e76a52e76c51e86d51e96e50" +
    "ea7050ea714feb724fec734eec754eed764eee774dee794def7a4df07b4cf07d4cf17e4cf27f4cf2814bf3824bf3834b" +
    "f4854bf4864bf5884bf5894bf68a4bf68c4bf78d4bf78f4bf7904bf8914bf8934bf9944bf9964cf9974cfa994cfa9a4d" +
    "fa9b4dfb9d4dfb9e4efba04efba14ffca350fca450fca651fca752fda952fdaa53fdab54fdad55fdae56fdb057feb158" +
    "feb359feb45afeb65bfeb75cfeb95dfeba5ffebc60febd61febe62fec064ffc165ffc367ffc468ffc66affc76bffc96d" +
    "ffca6effcc70ffcd71ffce73ffd075ffd176ffd378fed47afed67cfed77dfed87ffeda81fedb83fedd85fede87fedf89" +
    "fee18bfee28dfee48efee590fee692fee895fee997feea99feec9bfeed9dfeee9ffef0a1fef1a3fef2a5fef4a7fef5aa"

/**
 * The colours from far (dark violet) to near (pale yellow), as opaque ARGB: `0xffRRGGBB`.
 *
 * Neighbours look equally far apart and lightness rises strictly, so the picture also reads in grey and for the
 * colour-blind.
 */
fun colourTable(): IntArray = IntArray(COLOURS) { OPAQUE_BLACK or DIGITS.substring(6 * it, 6 * it + 6).toInt(16) }

/** What invalid pixels are shown as. */
internal const val OPAQUE_BLACK = 0xff shl 24
