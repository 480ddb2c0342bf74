package logging

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"testing"
)

func TestHandlerLines(t *testing.T) {
	tests := []struct {
		name string
		log  func(l *slog.Logger)
		want string
	}{
		{"message alone", func(l *slog.Logger) { l.Info("started") }, "started"},
		{"attributes", func(l *slog.Logger) { l.Info("closed", "server", "a:6379:1", "n", 3) }, "closed server=a:6379:1 n=3"},
		{"quoted", func(l *slog.Logger) { l.Error("dial", "error", errors.New("no route")) }, `dial error="no route"`},
		{"with", func(l *slog.Logger) { l.With("pool", "alpha").Warn("eject", "server", "s") }, "eject pool=alpha server=s"},
		{"group", func(l *slog.Logger) { l.WithGroup("g").Info("m", "k", 1) }, "m g.k=1"},
		{"names of slog's own", func(l *slog.Logger) { l.Info("m", "level", "high", "msg", "x") }, "m level=high msg=x"},
		{"several lines", func(l *slog.Logger) { l.Info("a\nb", "k", "c\nd") }, `a; b k="c\nd"`},
	}
	line := regexp.MustCompile(`^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] (.*)\n$`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.log(slog.New(NewHandler(&out, slog.LevelInfo)))
			m := line.FindStringSubmatch(out.String())
			if m == nil || m[1] != tt.want {
				t.Errorf("line = %q; want %q after the time", out.String(), tt.want)
			}
		})
	}
}

func TestLevel(t *testing.T) {
	levels := []struct {
		name  string
		level slog.Level
		from  int // shown from this log level on
	}{
		{"always", LevelAlways, 0},
		{"error", slog.LevelError, 1},
		{"warn", slog.LevelWarn, 4},
		{"info", slog.LevelInfo, 5},
		{"debug", slog.LevelDebug, 7},
		{"debug-1", slog.LevelDebug - 1, 8},
		{"debug-4", slog.LevelDebug - 4, 11},
	}
	for _, l := range levels {
		for verbose := -1; verbose <= MaxVerbose+1; verbose++ {
			var out bytes.Buffer
			slog.New(NewHandler(&out, Level(verbose))).Log(t.Context(), l.level, "m")
			if got, want := out.Len() > 0, verbose >= l.from || l.from == 0; got != want {
				t.Errorf("%s at log level %d is shown: %t; want %t", l.name, verbose, got, want)
			}
		}
	}
}
