package about

// maxName is how much of the name of an unknown command is told.
const maxName = 32

// NameAt returns the word that b begins with, in lower case and cut at maxName bytes, for codec.Catalogue.CommandName. "": it has
// bytes that no command's name has, and may be anything, such as a value.
func NameAt(b []byte) string {
	var name [maxName]byte
	n := 0
	for _, c := range b {
		switch {
		case c == ' ', c == '\r', c == '\n':
			return string(name[:n])
		case n == maxName:
			return string(name[:n])
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-', c == '.', c == '|':
		default:
			return ""
		}
		name[n] = c
		n++
	}
	return string(name[:n])
}
