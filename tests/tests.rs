//! The tests of the program as its users run it.
