package resp

// IsError implements codec.Answers.
func (*Protocol) IsError(reply []byte) bool {
	return len(reply) > 0 && (reply[0] == '-' || reply[0] == '!')
}
