package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const heading = `# Instructions for one round, as callgrind counts them on a processor with AVX2; written by go run ./bench/callgrind -update
`

// readFigures reads what writeFigures wrote: a line "name instructions" for each.
func readFigures(path string) (map[string]float64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	figures := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		if figures[name], err = strconv.ParseFloat(strings.TrimSpace(number), 64); err != nil || figures[name] <= 0 {
			return nil, fmt.Errorf("%s: %q is no name and number", path, line)
		}
	}
	return figures, nil
}

func writeFigures(path string, figures []figure) error {
	text := heading
	for _, f := range figures {
		text += fmt.Sprintf("%s %.1f\n", f.name, f.instructions)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
