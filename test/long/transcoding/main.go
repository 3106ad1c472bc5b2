// Tells the descriptors that a compiler makes of a file, and then says of each line of standard input, JSON of a message
// as a JSON text, what Go's protojson makes of it. Arguments: the message, the file, and the folders that imports are in.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"os"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

type answer struct {
	Error  string          `json:"error,omitempty"`
	Binary string          `json:"binary,omitempty"`
	JSON   json.RawMessage `json:"json,omitempty"`
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Files of a set, each after those that it imports.
func collect(file protoreflect.FileDescriptor, seen map[string]bool, set *descriptorpb.FileDescriptorSet) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	imports := file.Imports()
	for i := 0; i < imports.Len(); i++ {
		collect(imports.Get(i).FileDescriptor, seen, set)
	}
	set.File = append(set.File, protoutil.ProtoFromFileDescriptor(file))
}

func main() {
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: os.Args[3:]}),
	}
	compiled := must(compiler.Compile(context.Background(), os.Args[2]))
	set := &descriptorpb.FileDescriptorSet{}
	collect(compiled[0], map[string]bool{}, set)
	bytes := must(proto.MarshalOptions{Deterministic: true}.Marshal(set))
	out := json.NewEncoder(os.Stdout)
	_ = out.Encode(answer{Binary: base64.StdEncoding.EncodeToString(bytes)})

	plain := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(bytes, plain); err != nil {
		panic(err)
	}
	files := must(protodesc.NewFiles(plain))
	message := must(files.FindDescriptorByName(protoreflect.FullName(os.Args[1]))).(protoreflect.MessageDescriptor)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			panic(err)
		}
		_ = out.Encode(mapped(message, files, text))
	}
}

func mapped(message protoreflect.MessageDescriptor, files *protoregistry.Files, text string) answer {
	types := dynamicpb.NewTypes(files)
	value := dynamicpb.NewMessage(message)
	if err := (protojson.UnmarshalOptions{Resolver: types}).Unmarshal([]byte(text), value); err != nil {
		return answer{Error: err.Error()}
	}
	written, err := protojson.MarshalOptions{Resolver: types}.Marshal(value)
	if err != nil {
		return answer{Error: err.Error()}
	}
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(value)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Binary: base64.StdEncoding.EncodeToString(bytes), JSON: written}
}
