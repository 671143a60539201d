// Renders a Helm chart as `helm template` does, for a machine that has no helm: text/template and Sprig are what
// Helm itself stands on, and the functions that Helm adds are written here after its documentation.
//
//	render [--values FILE]... CHART RELEASE NAMESPACE    values files as JSON or YAML, later ones win
//
// Prints {template: rendered text} as JSON. What it leaves out, because this chart does not use it: subcharts,
// lookup, library charts, --strict, post-renderers.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

// A bound on `include` within `include`, as Helm has one.
const includeDepthMax = 1000

type values = map[string]interface{}

// The files of a chart that are no templates: .Files.
type files map[string][]byte

func (f files) Get(name string) string { return string(f[name]) }

func (f files) Glob(pattern string) files {
	found := files{}
	for name, content := range f {
		if matches, err := filepath.Match(pattern, name); err == nil && matches {
			found[name] = content
		}
	}
	return found
}

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func readYAML(path string) values {
	text, err := os.ReadFile(path)
	die(err)
	read := values{}
	if err := yaml.UnmarshalStrict(text, &read); err != nil {
		die(fmt.Errorf("%s: %w", path, err))
	}
	return read
}

// Helm's rule for values: maps are merged, anything else is replaced, and null takes a key away.
func overlay(under, over values) values {
	for key, value := range over {
		if value == nil {
			delete(under, key)
			continue
		}
		below, isMap := under[key].(values)
		above, bothMaps := value.(values)
		if isMap && bothMaps {
			under[key] = overlay(below, above)
		} else {
			under[key] = value
		}
	}
	return under
}

func functions(all *template.Template) template.FuncMap {
	functions := sprig.TxtFuncMap()
	delete(functions, "env")
	delete(functions, "expandenv")
	depth := 0
	functions["include"] = func(name string, data interface{}) (string, error) {
		depth++
		defer func() { depth-- }()
		if depth > includeDepthMax {
			return "", errors.New(name + ": includes itself")
		}
		var out strings.Builder
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	functions["fail"] = func(message string) (string, error) { return "", errors.New(message) }
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return value, errors.New(message)
		}
		return value, nil
	}
	functions["toYaml"] = func(value interface{}) string {
		text, err := yaml.Marshal(value)
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(string(text), "\n")
	}
	functions["toJson"] = func(value interface{}) string {
		text, _ := json.Marshal(value)
		return string(text)
	}
	functions["fromYaml"] = func(text string) values {
		read := values{}
		if err := yaml.Unmarshal([]byte(text), &read); err != nil {
			read["Error"] = err.Error()
		}
		return read
	}
	functions["fromJsonArray"] = func(text string) []interface{} {
		read := []interface{}{}
		if err := json.Unmarshal([]byte(text), &read); err != nil {
			return []interface{}{err.Error()}
		}
		return read
	}
	return functions
}

func load(chart string) (*template.Template, []string, files) {
	all := template.New("chart").Option("missingkey=zero")
	all.Funcs(functions(all))
	names := []string{}
	others := files{}
	add := func(path string) {
		text, err := os.ReadFile(path)
		die(err)
		name, err := filepath.Rel(chart, path)
		die(err)
		if !strings.HasPrefix(name, "templates/") {
			others[name] = text
			return
		}
		_, err = all.New(name).Parse(string(text))
		die(err)
		if !strings.HasPrefix(filepath.Base(name), "_") {
			names = append(names, name)
		}
	}
	var visit fs.WalkDirFunc
	visit = func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			add(path)
		} else if entry.Type()&fs.ModeSymlink != 0 { // Helm follows these, too.
			return filepath.WalkDir(path+"/.", visit)
		}
		return nil
	}
	die(filepath.WalkDir(chart, visit))
	return all, names, others
}

func main() {
	overrides := []string{}
	arguments := os.Args[1:]
	for len(arguments) >= 2 && arguments[0] == "--values" {
		overrides = append(overrides, arguments[1])
		arguments = arguments[2:]
	}
	if len(arguments) != 3 {
		die(errors.New("usage: render [--values FILE]... CHART RELEASE NAMESPACE"))
	}
	chart := arguments[0]
	merged := readYAML(filepath.Join(chart, "values.yaml"))
	for _, path := range overrides {
		merged = overlay(merged, readYAML(path))
	}
	about := values{}
	for key, value := range readYAML(filepath.Join(chart, "Chart.yaml")) {
		about[strings.ToUpper(key[:1])+key[1:]] = value // .Chart.Name and so on.
	}
	all, names, others := load(chart)
	rendered := map[string]string{}
	for _, name := range names {
		var out bytes.Buffer
		die(all.ExecuteTemplate(&out, name, values{
			"Values": merged, "Chart": about, "Files": others,
			"Release":  values{"Name": arguments[1], "Namespace": arguments[2], "Service": "Helm", "IsInstall": true, "Revision": 1},
			"Template": values{"Name": name, "BasePath": "templates"},
		}))
		// Helm does this for a key that is not there.
		rendered[name] = strings.ReplaceAll(out.String(), "<no value>", "")
	}
	text, err := json.Marshal(rendered)
	die(err)
	fmt.Println(string(text))
}
