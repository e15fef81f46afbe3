/// A page of documentation: its links, headings and examples.
struct MarkdownPage {
  /// A link's target, as written.
  struct Link: Equatable {
    let target: String
    /// Counted from 1.
    let line: Int
  }

  /// A fenced block.
  struct Block: Equatable {
    /// The word behind the opening fence, in lower case.
    let language: String
    let lines: [String]
    /// Of its first line, counted from 1.
    let line: Int
  }

  /// Relative to the top folder.
  let path: String
  let links: [Link]
  let blocks: [Block]
  /// The headings' anchors, as GitHub makes them.
  let anchors: Set<String>

  init(path: String, text: String) {
    self.path = path
    var links: [Link] = []
    var blocks: [Block] = []
    var anchors: Set<String> = []
    var open: (language: String, lines: [String], line: Int)?
    for (index, row) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = String(row)
      if line.trimming(while: { $0 == " " }).hasPrefix("```") {
        if let block = open {
          blocks.append(Block(language: block.language, lines: block.lines, line: block.line))
          open = nil
        } else {
          let word = line.trimming { $0 == "`" || $0 == " " }
          open = (word.lowercased(), [], index + 2)
        }
      } else if open != nil {
        open?.lines.append(line)
      } else if line.hasPrefix("#") {
        anchors.insert(Self.anchor(of: line))
        links += Self.links(in: line, number: index + 1)
      } else {
        links += Self.links(in: line, number: index + 1)
      }
    }
    self.links = links
    self.blocks = blocks
    self.anchors = anchors
  }

  /// The commands of the blocks that are meant to be typed: whole blocks in `sh`, and what stands
  /// behind a `$` in `console`. A backslash at the end joins a line to the next one.
  var commands: [(text: String, line: Int)] {
    blocks.flatMap { block -> [(text: String, line: Int)] in
      var commands: [(text: String, line: Int)] = []
      var continues = false
      for (index, row) in block.lines.enumerated() {
        let typed: String
        switch block.language {
        case "sh", "bash": typed = row.trimming { $0 == " " }
        case "console" where continues: typed = row.trimming { $0 == " " || $0 == ">" }
        case "console" where row.hasPrefix("$ "): typed = String(row.dropFirst(2))
        default: continue
        }
        let part = typed.hasSuffix("\\") ? String(typed.dropLast()) : typed
        if continues {
          commands[commands.count - 1].text += part
        } else if !typed.isEmpty, !typed.hasPrefix("#") {
          commands.append((part, block.line + index))
        }
        continues = typed.hasSuffix("\\")
      }
      return commands
    }
  }

  private static func links(in line: String, number: Int) -> [Link] {
    let prose = line.replacing(/`[^`]*`/, with: "")
    return prose.matches(of: /\]\(([^)\s]+)\)/).map { Link(target: String($0.1), line: number) }
  }

  private static func anchor(of heading: String) -> String {
    let text = heading.trimming { $0 == "#" || $0 == " " }.lowercased()
    return String(
      text.compactMap { character -> Character? in
        if character == " " { return "-" }
        return character.isLetter || character.isNumber || "-_".contains(character)
          ? character : nil
      }
    )
  }
}

/// Relative links that lead nowhere, asking whether the repository holds a path, and for a page
/// its anchors, nil where it is none.
func brokenLinks(
  in page: MarkdownPage,
  holds: (String) -> Bool,
  anchors: (String) -> Set<String>?
) -> [String] {
  page.links.compactMap { link in
    guard !link.target.contains("://"), !link.target.hasPrefix("mailto:") else { return nil }
    let parts = link.target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts[0].isEmpty ? page.path : resolve(String(parts[0]), from: page.path)
    guard holds(path) else { return "\(page.path):\(link.line): no \(link.target)" }
    guard parts.count == 2, let known = anchors(path), !known.contains(String(parts[1])) else {
      return nil
    }
    return "\(page.path):\(link.line): no heading for \(link.target)"
  }
}

/// Commands in a page that do not exist: scripts that are not there, subcommands that `hawser` does
/// not have.
func unknownCommands(
  in page: MarkdownPage,
  subcommands: Set<String>,
  isExecutable: (String) -> Bool
) -> [String] {
  let tools: Set = [
    "apt-get", "cat", "cd", "curl", "echo", "export", "git", "kill", "mkdir", "nginx", "openssl",
    "psql", "python3", "redis-cli", "scp", "sed", "sha256sum", "ssh", "sudo", "swift", "systemctl",
  ]
  return page.commands.compactMap { command in
    var words = command.text.split(separator: " ").map(String.init)
    while let word = words.first, word.contains(/^[A-Z_]+=/) || word == "sudo" {
      words.removeFirst()
    }
    guard let first = words.first else { return nil }
    let program = first.split(separator: "/").last.map(String.init) ?? first
    let known: Bool
    if program == "hawser" {
      known = words.dropFirst().first.map { subcommands.contains($0) || $0.hasPrefix("-") } ?? true
    } else if first.contains("/") && !first.hasPrefix("/") {
      known = isExecutable(first.hasPrefix("./") ? String(first.dropFirst(2)) : first)
    } else {
      known = tools.contains(program)
    }
    return known ? nil : "\(page.path):\(command.line): no such command: \(command.text)"
  }
}

/// A link's path, relative to the top folder.
private func resolve(_ target: String, from page: String) -> String {
  var parts = page.split(separator: "/").dropLast().map(String.init)
  if target.hasPrefix("/") { parts = [] }
  for part in target.split(separator: "/") {
    switch part {
    case ".": continue
    case "..": if !parts.isEmpty { parts.removeLast() } else { parts.append("..") }
    default: parts.append(String(part))
    }
  }
  return parts.joined(separator: "/")
}

/// The names of the subcommands that a file declares.
func subcommandNames(in source: SwiftSource) -> [String] {
  source.lines.flatMap { line in
    line.matches(of: /commandName: "([a-z-]+)"/).map { String($0.1) }
  }
}
