package memcached

import "cashew/codec"

// noLessons implements codec.Lessons: all commands of memcached are known, and of all this nothing is ever called.
type noLessons struct{}

func (noLessons) AppendUnknown(dst []byte, _ *codec.Command) []byte   { return dst }
func (noLessons) AppendAsk(dst []byte, _ string) []byte               { return dst }
func (noLessons) AskOp() uint16                                       { return 0 }
func (noLessons) Learn(string, []byte) (lesson any, known, said bool) { return nil, false, false }
func (noLessons) UnknownTo(dst, _ []byte) []byte                      { return dst }
func (noLessons) Apply(*codec.Client, *codec.Command, any)            {}
