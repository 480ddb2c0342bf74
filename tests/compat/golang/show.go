package main

import (
	"fmt"
	"slices"
	"strings"
)

// show renders a value with the types of all its parts, so that a map is not taken for a list, nor a number for a string.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case []byte:
		return fmt.Sprintf("bytes(%s)", v)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, show(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[any]any:
		var parts []string
		for k, e := range v {
			parts = append(parts, show(k)+": "+show(e))
		}
		slices.Sort(parts)
		return "map{" + strings.Join(parts, ", ") + "}"
	case map[string]any:
		var parts []string
		for k, e := range v {
			parts = append(parts, k+": "+show(e))
		}
		slices.Sort(parts)
		return "map{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprintf("%T(%v)", v, v)
}
