package memcached

import "cashew/codec"

// noScripts implements what codec.Commands has about scripts: memcached has none, and of all this nothing is ever called.
type noScripts struct{}

func (noScripts) Script(*codec.Command) (b []byte, c, f bool)       { return nil, false, false }
func (noScripts) ScriptName([]byte) string                          { return "" }
func (noScripts) AppendCalled(dst, _ []byte) []byte                 { return dst }
func (noScripts) AppendLoad(dst, _ []byte) []byte                   { return dst }
func (noScripts) AppendUnloaded(dst []byte) []byte                  { return dst }
func (noScripts) LoadOp() uint16                                    { return 0 }
func (noScripts) FindUnloaded([]byte, int) (found bool, now int)    { return false, 0 }
func (noScripts) AppendMark(dst []byte) (out []byte, ops [2]uint16) { return dst, ops }
func (noScripts) Unmarked([]byte) (why string)                      { return "" }
func (noScripts) Unloaded([]byte) (is, perhaps bool)                { return false, false }
