package resp

import (
	"cashew/codec"
	"cashew/codec/work"
)

var opMigrate = mustOp("migrate")

// IsError implements codec.Answers.
func (*Protocol) IsError(reply []byte) bool {
	return len(reply) > 0 && (reply[0] == '-' || reply[0] == '!')
}

// Doubles implements codec.Answers. What depends on chance or on a server's clock, such as SPOP and XADD with *, each server does in its way.
func (*Protocol) Doubles(cmd *codec.Command) (writes bool, why string) {
	switch {
	case cmd.Op == opMigrate:
		why = "MIGRATE takes a key away from one server"
	case cmd.Op == opLearned && cmd.Kind == codec.Refuse:
		why = "nobody knows whether it writes"
	}
	return classes[cmd.Op] != work.Read, why
}
