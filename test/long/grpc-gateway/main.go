// A gateway by grpc-gateway before a service of gRPC on loopback, as its README has it, but for what it leaves out of
// JSON and refuses: that is as the gateway's own defaults have it. Argument: the service's address. Says its own.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"tricloud.test/grpcgateway/shop"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	json := &runtime.HTTPBodyMarshaler{Marshaler: &runtime.JSONPb{}}
	mux := runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, json))
	plain := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	must(shop.RegisterEverythingsHandlerFromEndpoint(context.Background(), mux, os.Args[1], plain))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println(listener.Addr())
	must(http.Serve(listener, mux))
}
