package memcached

import (
	"cashew/codec"
	"cashew/codec/unblock"
)

// noTransactions implements codec.Transactions: memcached has none, and of all this nothing but Transaction is ever called.
type noTransactions struct{}

func (noTransactions) Transaction(*codec.Client) (begun, spoiled bool) { return false, false }

func (noTransactions) Forgets(*codec.Command) bool  { return false }
func (noTransactions) EndTransaction(*codec.Client) {}
func (noTransactions) Spoil(*codec.Client)          {}
func (noTransactions) AppendApart(dst []byte, _ *codec.Client, _ [2][]byte, _ [2]string) []byte {
	return dst
}

func (noTransactions) AppendTooLarge(dst []byte, _ *codec.Client) []byte { return dst }

func (noTransactions) AppendAborted(dst []byte, _ *codec.Client, _ *codec.Command) []byte { return dst }

func (noTransactions) AppendUnexecuted(dst []byte, _ *codec.Client) []byte { return dst }
func (noTransactions) Executed([]byte) bool                                { return false }
func (noTransactions) AppendUnwatch(dst []byte) []byte                     { return dst }
func (noTransactions) AppendBegin(dst []byte) []byte                       { return dst }
func (noTransactions) AppendExec(dst []byte) []byte                        { return dst }
func (noTransactions) BeginOp() uint16                                     { return 0 }
func (noTransactions) ExecOp() uint16                                      { return 0 }

// AppendMoving implements codec.Answers: no client asks for it.
func (*Protocol) AppendMoving(dst []byte, _ *codec.Client, _, _ int, _ string) []byte { return dst }

// AppendUnblocked implements codec.Answers: no command blocks.
func (*Protocol) AppendUnblocked(dst []byte, _ codec.Profile, _ uint16, _ unblock.Reason) []byte {
	return dst
}
