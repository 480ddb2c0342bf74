package codec

import "testing"

// TestIsTLS: a ClientHello of any version is told from a line of rubbish that begins alike.
func TestIsTLS(t *testing.T) {
	for text, want := range map[string]bool{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03": true,
		"\x16\x03\x03\x00\x05\x01":                     true,
		"\x16\x03\x01\x02\x00":                         false, // not enough to tell
		"\x16\x03\x01\r\nget":                          false,
		"\x16\x03\x05\x02\x00\x01":                     false,
		"\x16\x03\x01\x02\x00\x02":                     false, // a ServerHello
		"\x15\x03\x01\x00\x02\x01":                     false, // an alert
		"":                                             false,
	} {
		if got := IsTLS([]byte(text)); got != want {
			t.Errorf("IsTLS(%q) = %v; want %v", text, got, want)
		}
	}
}
