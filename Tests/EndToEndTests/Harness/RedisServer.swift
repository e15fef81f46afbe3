import Foundation

/// A real redis, which keeps everything in memory.
struct RedisServer {
  let port: Int
}

extension Lab {
  /// Starts a redis that is stopped at the end of the test.
  func redis() throws -> RedisServer {
    let port = try unusedPort()
    try daemon(
      "redis-server",
      ["--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      port: port
    )
    return RedisServer(port: port)
  }
}
