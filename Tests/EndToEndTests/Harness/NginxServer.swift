import ChildProcess
import Foundation
import Testing

/// A real nginx with a folder of its own; needs no privileges.
final class NginxServer {
  /// Where it listens.
  let port: Int
  /// What it serves.
  let root: URL
  private let process: ChildProcess

  /// Starts it and waits until it answers.
  init(in directory: URL, port: Int) throws {
    self.port = port
    root = directory.appending(path: "www")
    for folder in ["www", "temp", "logs"] {
      try FileManager.default.createDirectory(
        at: directory.appending(path: folder),
        withIntermediateDirectories: true
      )
    }
    let prefix = directory.path(percentEncoded: false)
    let configuration = """
      daemon off;
      worker_processes 1;
      pid \(prefix)/nginx.pid;
      error_log \(prefix)/logs/error.log;
      \(getuid() == 0 ? "user root;" : "")
      events { worker_connections 512; }
      http {
        access_log off;
        client_body_temp_path \(prefix)/temp/body;
        proxy_temp_path \(prefix)/temp/proxy;
        fastcgi_temp_path \(prefix)/temp/fastcgi;
        uwsgi_temp_path \(prefix)/temp/uwsgi;
        scgi_temp_path \(prefix)/temp/scgi;
        server {
          listen 127.0.0.1:\(port);
          root \(prefix)/www;
        }
      }
      """
    let file = directory.appending(path: "nginx.conf")
    try configuration.write(to: file, atomically: true, encoding: .utf8)
    process = try ChildProcess(
      "nginx",
      ["-p", prefix, "-e", "\(prefix)/logs/error.log", "-c", file.path(percentEncoded: false)],
      environment: ProcessInfo.processInfo.environment,
      folder: prefix,
      output: "\(prefix)/logs/output.log",
      errors: "\(prefix)/logs/output.log"
    )
    do {
      try wait(for: "nginx answering") {
        try #require(process.isRunning, "nginx ended at its start")
        return (try? PlainSocket(port: port)) != nil
      }
    } catch {
      stop()
      throw error
    }
  }

  /// Writes a file of random bytes to serve, and gives them back.
  func publish(_ name: String, byteCount: Int, seed: UInt64) throws -> [UInt8] {
    let bytes = SeededBytes(seed: seed).prefix(byteCount)
    try Data(bytes).write(to: root.appending(path: name))
    return bytes
  }

  /// Ends it, its worker too.
  func stop() {
    process.signal(SIGTERM)
    if process.wait(within: .seconds(5)) == nil { process.kill() }
  }
}

extension Lab {
  /// Starts an nginx that is stopped at the end of the test.
  func nginx() throws -> NginxServer {
    let server = try NginxServer(in: path("nginx"), port: unusedPort())
    atEnd { server.stop() }
    return server
  }
}
