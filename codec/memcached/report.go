package memcached

import "cashew/codec"

// AppendReport implements codec.Reports: stats, the proxy's own figures.
func (p *Protocol) AppendReport(dst []byte, _ codec.Client, _ uint16, _ []byte, about codec.About) (out []byte, last bool) {
	for _, f := range about.Figures() {
		dst = append(dst, "STAT "...)
		dst = append(dst, f.Name...)
		dst = append(dst, ' ')
		dst = append(dst, f.Value...)
		dst = append(dst, crlf...)
	}
	return append(dst, "END\r\n"...), false
}
