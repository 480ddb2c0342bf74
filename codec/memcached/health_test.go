package memcached

import (
	"testing"

	"cashew/codec/verdict"
)

func TestHealth(t *testing.T) {
	p := New(Options{})
	for reply, well := range map[string]bool{
		"MN\r\n": true, "ERROR\r\n": true, "END\r\n": false, "SERVER_ERROR busy\r\n": false, "": false,
	} {
		if err := p.CheckProbe([]byte(reply)); (err == nil) != well {
			t.Errorf("CheckProbe(%q) = %v; want an error: %v", reply, err, !well)
		}
	}
	for reply, proof := range map[string]verdict.Proof{
		"MN\r\n": verdict.InStep, "END\r\n": verdict.OutOfStep, "ERROR\r\n": verdict.Unproved,
	} {
		_, want := p.Canary(Text, "")
		if got := p.JudgeCanary(want, []byte(reply)); got != proof {
			t.Errorf("JudgeCanary(%q) = %v; want %v", reply, got, proof)
		}
	}
	for _, c := range []struct {
		op    uint16
		reply string
		want  verdict.Verdict
	}{
		{opGet, "VALUE a 0 1\r\n", verdict.Fine},
		{opGet, "END\r\n", verdict.Fine},
		{opGet, "SERVER_ERROR out of memory\r\n", verdict.Fine},
		{opGet, "NOT_FOUND\r\n", verdict.Unfit},
		{opGet, "12\r\n", verdict.Unfit},
		{opSet, "STORED\r\n", verdict.Fine},
		{opSet, "VALUE a 0 1\r\n", verdict.Unfit},
		{opIncr, "12\r\n", verdict.Fine},
		{opIncr, "HD\r\n", verdict.Unfit},
		{opDelete, "DELETED\r\n", verdict.Fine},
		{opDelete, "STORED\r\n", verdict.Unfit},
		{opDelete, "DEL", verdict.Fine}, // the rest is to come
		{opGet, "STORED\r\n", verdict.Unfit},
		{opGet, "VALUES\r\n", verdict.Unfit},
		{opMetaGet, "END\r\n", verdict.Unfit},
		{opTouch, "12\r\n", verdict.Unfit},
		{opMetaGet, "VA 1\r\n", verdict.Fine},
		{opMetaGet, "TOUCHED\r\n", verdict.Unfit},
		{opVersion, "VERSION 1\r\n", verdict.Fine},
	} {
		if got := p.Judge(0, c.op, []byte(c.reply)); got != c.want {
			t.Errorf("Judge(%s, %q) = %v; want %v", commands[c.op].name, c.reply, got, c.want)
		}
	}
	for op := range commands {
		got, ok := p.AppendMiss(nil, Text, 0, uint16(op), 1)
		want := map[int]string{opGet: "END\r\n", opGets: "END\r\n", opMetaGet: "EN\r\n"}[op]
		if string(got) != want || ok != (want != "") {
			t.Errorf("AppendMiss(%s) = %q, %v; want %q", commands[op].name, got, ok, want)
		}
	}
}
