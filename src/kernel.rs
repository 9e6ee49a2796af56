//! The event queue, random streams and statistics: everything that does not know what an event means.
