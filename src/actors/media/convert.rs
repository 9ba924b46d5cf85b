//! Makes of a file what phones play: with ffmpeg where it must, without where it can.
