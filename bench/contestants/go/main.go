// An osquery-go extension with one large table, for bench/sdk.ts: main SOCKET ROWS COLUMNS default|buffered
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	osquery "github.com/osquery/osquery-go"
	gen "github.com/osquery/osquery-go/gen/osquery"
	"github.com/osquery/osquery-go/plugin/table"
	"github.com/osquery/osquery-go/transport"
)

const (
	name        = "contestant"
	timeout     = 10 * time.Second
	bufferBytes = 256 * 1024
)

// server answers what the core asks, over the plugin of osquery-go.
type server struct{ plugin *table.Plugin }

func (s server) Ping(context.Context) (*gen.ExtensionStatus, error) {
	return &gen.ExtensionStatus{Code: 0, Message: "OK"}, nil
}

func (s server) Call(ctx context.Context, _, _ string, request gen.ExtensionPluginRequest) (*gen.ExtensionResponse, error) {
	response := s.plugin.Call(ctx, request)
	return &response, nil
}

func (s server) Shutdown(context.Context) error { return nil }

func main() {
	socket := os.Args[1]
	rowCount, _ := strconv.Atoi(os.Args[2])
	columnCount, _ := strconv.Atoi(os.Args[3])
	var columns []table.ColumnDefinition
	for c := 0; c < columnCount; c++ {
		columns = append(columns, table.TextColumn(fmt.Sprintf("col%02d", c)))
	}
	rows := make([]map[string]string, rowCount)
	for r := range rows {
		rows[r] = make(map[string]string, columnCount)
		for c := 0; c < columnCount; c++ {
			rows[r][fmt.Sprintf("col%02d", c)] = fmt.Sprintf("value %07d/%02d", r, c)
		}
	}
	plugin := table.NewPlugin(name, columns, func(context.Context, table.QueryContext) ([]map[string]string, error) {
		return rows, nil
	})

	if os.Args[4] == "default" {
		manager, err := osquery.NewExtensionManagerServer(name, socket, osquery.ServerTimeout(timeout))
		if err != nil {
			log.Fatal(err)
		}
		manager.RegisterPlugin(plugin)
		log.Fatal(manager.Run())
	}
	client, err := osquery.NewClient(socket, timeout)
	if err != nil {
		log.Fatal(err)
	}
	status, err := client.RegisterExtension(&gen.InternalExtensionInfo{Name: name},
		gen.ExtensionRegistry{"table": {name: plugin.Routes()}})
	if err != nil || status.Code != 0 {
		log.Fatal(err, status)
	}
	listener, err := transport.OpenServer(fmt.Sprintf("%s.%d", socket, status.UUID), timeout)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(thrift.NewTSimpleServer4(
		gen.NewExtensionProcessor(server{plugin}),
		listener,
		thrift.NewTBufferedTransportFactory(bufferBytes),
		thrift.NewTBinaryProtocolFactoryConf(nil),
	).Serve())
}
