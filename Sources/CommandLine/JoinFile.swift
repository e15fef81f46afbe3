internal import Foundation
internal import HawserCredentials

/// A file that holds a join URL: the URL and nothing else, or a server's ready file.
struct JoinFile {
  private let path: String

  init(path: String) {
    self.path = path
  }

  /// The join URL in it.
  ///
  /// - Returns: The URL, checked.
  /// - Throws: ``CommandFailure`` with the status of a wrong configuration.
  func joinURL() throws(CommandFailure) -> JoinURL {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw CommandFailure(.configuration, "\(path): can't be read: \(error.localizedDescription)")
    }
    let text = String(decoding: data, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let url = text.hasPrefix("{") ? try Self.joinURL(inReadyFile: data, path: path) : text
    do throws(CredentialsError) {
      return try JoinURL(text: url)
    } catch {
      throw CommandFailure(.configuration, "\(path): \(error)")
    }
  }

  private static func joinURL(
    inReadyFile data: Data,
    path: String
  ) throws(CommandFailure) -> String {
    guard let contents = try? JSONDecoder().decode(ReadyFile.Contents.self, from: data) else {
      throw CommandFailure(.configuration, "\(path): is neither a join URL nor a ready file")
    }
    guard let join = contents.join else {
      throw CommandFailure(
        .configuration,
        "\(path): has no join URL; make one with `hawser token create` on the server"
      )
    }
    return join
  }
}
