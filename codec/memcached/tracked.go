package memcached

import "cashew/codec"

// Keeps implements codec.Tracked.
func (*Protocol) Keeps(op uint16) bool { return op == opGet || op == opGets }

// TracksIn implements codec.Tracked: servers tell nobody of what is written.
func (*Protocol) TracksIn() (codec.Profile, bool) { return 0, false }

// AppendTracker implements codec.Tracked, and is never called.
func (*Protocol) AppendTracker(dst []byte, _ []string) []byte { return dst }

// TrackerNumber implements codec.Tracked, and is never called.
func (*Protocol) TrackerNumber([]byte) (int64, bool) { return 0, false }

// AppendTracks implements codec.Tracked, and is never called.
func (*Protocol) AppendTracks(dst []byte, _ int64) []byte { return dst }

// AppendTracksNext implements codec.Tracked, and is never called.
func (*Protocol) AppendTracksNext(dst []byte) []byte { return dst }

// Tracks implements codec.Tracked, and is never called.
func (*Protocol) Tracks([]byte) bool { return false }

// Later implements codec.Tracked, and is never called.
func (*Protocol) Later([]byte) bool { return false }

// AppendLife implements codec.Tracked, and is never called.
func (*Protocol) AppendLife(dst, _ []byte) []byte { return dst }

// Life implements codec.Tracked, and is never called.
func (*Protocol) Life([]byte) (int64, bool) { return 0, false }

// Invalidates implements codec.Tracked, and is never called.
func (*Protocol) Invalidates([]byte, func(key []byte)) (all bool) { return true }

// AppendCaching implements codec.Tracked, and is never called.
func (*Protocol) AppendCaching(dst []byte, _ bool) []byte { return dst }

// KeepsCaching implements codec.Tracked, and is never called.
func (*Protocol) KeepsCaching(uint16) bool { return false }

// AppendForgotten implements codec.Tracked, and is never called.
func (*Protocol) AppendForgotten(dst []byte) []byte { return dst }

// Tells implements codec.Tracked, and is never called.
func (*Protocol) Tells([]byte) bool { return false }
