//! How fast a job goes on which device and how many of them, and what pulls at that.
