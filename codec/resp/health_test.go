package resp

import "testing"

func TestHealth(t *testing.T) {
	p := New(Options{})
	for _, c := range []struct {
		reply       string
		well, aling bool
	}{
		{"+PONG\r\n", true, false},
		{"$4\r\nPONG\r\n", false, false},
		{"-LOADING Redis is loading the dataset in memory\r\n", false, true},
		{"-MASTERDOWN Link with MASTER is down\r\n", false, true},
		{"-OOM command not allowed when used memory > 'maxmemory'.\r\n", false, true},
		{"-BUSY Redis is busy running a script.\r\n", false, true},
		{"-BUSYKEY Target key name already exists.\r\n", false, false},
		{"-BUSYGROUP Consumer Group name already exists\r\n", false, false},
		{"-NOAUTH Authentication required.\r\n", false, false},
		{"-ERR\r\n", false, false},
		{"-", false, false},
		{"", false, false},
	} {
		if err := p.CheckProbe([]byte(c.reply)); (err == nil) != c.well {
			t.Errorf("CheckProbe(%q) = %v; want an error: %v", c.reply, err, !c.well)
		}
		if got := p.Ailing([]byte(c.reply)); got != c.aling {
			t.Errorf("Ailing(%q) = %v; want %v", c.reply, got, c.aling)
		}
	}
}
