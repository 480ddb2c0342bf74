package memcached

import (
	"cashew/codec"
	"cashew/codec/walk"
)

// Skipped implements codec.Answers: quiet commands are so by themselves.
func (*Protocol) Skipped(*codec.Client, *codec.Command) {}

// noWalks is what there is of codec.Fragments: no command goes from server to server.
type noWalks struct{}

func (noWalks) Cursor(*codec.Command) (at walk.Cursor, ok bool)          { return at, false }
func (noWalks) AppendWalk(dst []byte, _ *codec.Command, _ uint64) []byte { return dst }
func (noWalks) AppendWalked(dst []byte) []byte                           { return dst }
