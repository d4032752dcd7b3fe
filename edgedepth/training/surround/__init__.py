"""Training of surround students: metric depth of all views of a rig, with or without a teacher."""
