package world

import _ "unsafe" // for go:linkname

// nanotime is the runtime's monotonic clock, which time.Since reads, too, with checks for what a time.Time can be besides: each
// callback of a loop begins with it, and so it is a part of each request's price. The runtime promises to keep the name.
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64
