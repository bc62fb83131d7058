/**
 * What osquery and an extension say to each other: Apache Thrift, TBinaryProtocol over
 * TBufferedTransport on a unix socket. Written from the wire; field numbers are the contract.
 * `scripts/generate-thrift.sh` makes gen/ from it.
 */

/** A row, or a plug-in request: column or key to text. A missing key is NULL. */
typedef map<string, string> Row
typedef list<Row> Rows

/** Item name (a table) to what describes it (its columns). */
typedef map<string, Rows> RouteTable
/** Registry name ("table") to its items. */
typedef map<string, RouteTable> Registry

enum ExtensionCode {
  EXT_SUCCESS = 0,
  EXT_FAILED = 1,
  EXT_FATAL = 2,
}

struct InternalOptionInfo {
  1: string value,
  2: string default_value,
  3: string type,
}

struct InternalExtensionInfo {
  1: string name,
  2: string version,
  3: string sdk_version,
  4: string min_sdk_version,
}

struct ExtensionStatus {
  1: i32 code,
  2: string message,
  /** Of the extension: given by the manager at registration, 0 is the core itself. */
  3: i64 uuid,
}

struct ExtensionResponse {
  1: ExtensionStatus status,
  2: Rows response,
}

exception ExtensionException {
  1: i32 code,
  2: string message,
  3: i64 uuid,
}

/** What an extension serves on `<socket>.<uuid>`, and the core on `<socket>`. */
service Extension {
  ExtensionStatus ping(),
  ExtensionResponse call(1: string registry, 2: string item, 3: Row request),
  void shutdown(),
}

/** What the core serves on `<socket>` besides. */
service ExtensionManager extends Extension {
  map<i64, InternalExtensionInfo> extensions(),
  map<string, InternalOptionInfo> options(),
  ExtensionStatus registerExtension(1: InternalExtensionInfo info, 2: Registry registry),
  ExtensionStatus deregisterExtension(1: i64 uuid),
  ExtensionResponse query(1: string sql),
  ExtensionResponse getQueryColumns(1: string sql),
}
