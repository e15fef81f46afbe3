import ChildProcess
import Foundation
import HawserCryptography
import Testing

/// Programs of the system, as its users run them.
extension Lab {
  /// Runs a program to its end. `input` is the file that it reads from its standard input, `output`
  /// the one that gets its standard output instead of what is given back.
  func run(
    program: String,
    _ arguments: [String],
    input: URL? = nil,
    output: URL? = nil,
    environment: [String: String] = [:],
    within limit: Duration = .seconds(150)
  ) throws -> Finished {
    let name = URL(filePath: program).lastPathComponent
    let log = path("\(name).log")
    let result = output ?? path("\(name).out")
    let process = try ChildProcess(
      program,
      arguments,
      environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
      folder: directory.path(percentEncoded: false),
      input: input?.path(percentEncoded: false) ?? "/dev/null",
      output: result.path(percentEncoded: false),
      errors: log.path(percentEncoded: false)
    )
    atEnd { process.kill() }
    guard let status = process.wait(within: limit) else {
      throw TookTooLong(description: "\(name) did not end within \(limit)")
    }
    return Finished(
      status: status,
      output: output == nil ? try String(contentsOf: result, encoding: .utf8) : "",
      errors: try String(contentsOf: log, encoding: .utf8)
    )
  }

  /// Runs a program that has to succeed, and gives what it wrote.
  @discardableResult
  func succeed(
    _ program: String,
    _ arguments: [String],
    input: URL? = nil,
    output: URL? = nil,
    environment: [String: String] = [:]
  ) throws -> String {
    let finished = try run(
      program: program,
      arguments,
      input: input,
      output: output,
      environment: environment
    )
    try #require(
      finished.status == 0,
      "\(program) \(arguments.joined(separator: " ")): \(finished.output)\(finished.errors)"
    )
    return finished.output
  }

  /// Starts a server program, waits until it accepts connections, and ends it with the test: by the
  /// signal `stop`, at which it has to end its own children too.
  func daemon(_ program: String, _ arguments: [String], port: Int, stop: Int32 = SIGTERM) throws {
    let name = URL(filePath: program).lastPathComponent
    let log = path("\(name).log").path(percentEncoded: false)
    let process = try ChildProcess(
      program,
      arguments,
      environment: ProcessInfo.processInfo.environment,
      folder: directory.path(percentEncoded: false),
      output: log,
      errors: log
    )
    atEnd {
      process.signal(stop)
      if process.wait(within: .seconds(5)) == nil { process.kill() }
    }
    try wait(for: "\(name) answering") {
      let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      try #require(process.isRunning, "\(name) ended at its start: \(text)")
      return (try? PlainSocket(port: port)) != nil
    }
  }

  /// Writes a file of random bytes.
  ///
  /// A mebibyte is drawn and repeated, with a running number in each of its pages: no page is the
  /// same as another, which is as good against lost and repeated bytes and much quicker.
  func randomFile(_ name: String, byteCount: Int, seed: UInt64) throws -> URL {
    let file = path(name)
    let block = SeededBytes(seed: seed).prefix(1 << 20)
    try Data().write(to: file)
    let handle = try FileHandle(forWritingTo: file)
    for start in stride(from: 0, to: byteCount, by: block.count) {
      var stamped = block
      for page in stride(from: 0, to: block.count, by: 4096) {
        withUnsafeBytes(of: UInt64(start + page).bigEndian) { number in
          stamped.replaceSubrange(page..<(page + 8), with: number)
        }
      }
      try handle.write(contentsOf: Data(stamped.prefix(byteCount - start)))
    }
    try handle.close()
    return file
  }
}

/// The SHA-256 of a file.
func digest(of file: URL) throws -> [UInt8] {
  SHA256.hash(try Data(contentsOf: file))
}

extension URL {
  /// The path as programs want it.
  var plainPath: String { path(percentEncoded: false) }
}
