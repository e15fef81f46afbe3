internal import HawserPrimitives

/// A control message as JSON: one object whose `type` says which (`PROTOCOL.md`, Control messages).
///
/// `message` is `nil` for a type that is not known here; such a message is ignored.
struct ControlMessageJSON {
  var message: ControlMessage?
}

extension ControlMessageJSON: Decodable {
  init(from decoder: any Decoder) throws {
    let object = try decoder.container(keyedBy: Key.self)
    switch Kind(rawValue: try object.decode(String.self, forKey: .type)) {
    case .register:
      message = .register(
        id: try object.identifier(.id),
        service: try object.decode(ServiceJSON.self, forKey: .service).service
      )
    case .registered:
      message = .registered(
        id: try object.identifier(.id),
        service: try object.identifier(.serviceID),
        entry: try object.decode(BoundEntryJSON.self, forKey: .entry).entry
      )
    case .refused:
      let code = RegistrationRefusal.Code(rawValue: try object.identifier(.code))
      let name = try object.optionalText(.name, atMost: HandshakeLimits.codeNameBytes)
      let reason = try object.optionalText(.reason, atMost: HandshakeLimits.reasonBytes)
      message = .refused(
        id: try object.identifier(.id),
        refusal: RegistrationRefusal(code, name: name ?? code.name ?? "", reason: reason ?? "")
      )
    case .unregister: message = .unregister(id: try object.identifier(.id))
    case .unregistered: message = .unregistered(id: try object.identifier(.id))
    case .draining:
      guard let seconds = try object.seconds(.seconds) else { throw object.malformed(.seconds) }
      message = .draining(within: seconds)
    case .goingAway:
      message = .goingAway(
        reason: try object.optionalText(.reason, atMost: HandshakeLimits.reasonBytes) ?? "",
        retryAfter: try object.seconds(.retryAfter)
      )
    case nil: message = nil
    }
  }

  fileprivate enum Kind: String {
    case register, registered, refused, unregister, unregistered, draining, goingAway
  }

  fileprivate enum Key: String, CodingKey {
    case type, id, service, entry, code, name, reason, seconds, retryAfter, mode, address, port
    case serviceID = "serviceId"
  }
}

extension ControlMessageJSON: Encodable {
  func encode(to encoder: any Encoder) throws {
    guard let message else { return }
    var object = encoder.container(keyedBy: Key.self)
    func start(_ kind: Kind, id: UInt64? = nil) throws {
      try object.encode(kind.rawValue, forKey: .type)
      if let id { try object.encode(identifier: id, forKey: .id) }
    }
    switch message {
    case .register(let id, let service):
      try start(.register, id: id)
      try object.encode(ServiceJSON(service: service), forKey: .service)
    case .registered(let id, let service, let entry):
      try start(.registered, id: id)
      try object.encode(identifier: service, forKey: .serviceID)
      try object.encode(BoundEntryJSON(entry: entry), forKey: .entry)
    case .refused(let id, let refusal):
      try start(.refused, id: id)
      try object.encode(identifier: refusal.code.rawValue, forKey: .code)
      let name = refusal.name.printable(atMost: HandshakeLimits.codeNameBytes)
      try object.encode(name, forKey: .name)
      let reason = refusal.reason.printable(atMost: HandshakeLimits.reasonBytes)
      try object.encode(reason, forKey: .reason)
    case .unregister(let id): try start(.unregister, id: id)
    case .unregistered(let id): try start(.unregistered, id: id)
    case .draining(let duration):
      try start(.draining)
      try object.encode(seconds: duration, forKey: .seconds)
    case .goingAway(let reason, let retryAfter):
      try start(.goingAway)
      let reason = reason.printable(atMost: HandshakeLimits.reasonBytes)
      try object.encode(reason, forKey: .reason)
      if let retryAfter { try object.encode(seconds: retryAfter, forKey: .retryAfter) }
    }
  }
}

/// `{"name": …, "entry": {"mode": …, "port": …}}`
private struct ServiceJSON: Codable {
  let service: ServiceRegistration

  init(service: ServiceRegistration) {
    self.service = service
  }

  init(from decoder: any Decoder) throws {
    let object = try decoder.container(keyedBy: ControlMessageJSON.Key.self)
    let entry = try object.nestedContainer(keyedBy: ControlMessageJSON.Key.self, forKey: .entry)
    let number = try entry.decodeIfPresent(UInt16.self, forKey: .port)
    let port: RequestedEntry.Port =
      switch number {
      case nil: .listenEntry
      case 0?: .any
      case let number?: .number(number)
      }
    service = ServiceRegistration(
      name: try object.text(.name, atMost: HandshakeLimits.nameBytes),
      entry: RequestedEntry(mode: try entry.mode(), port: port)
    )
  }

  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: ControlMessageJSON.Key.self)
    try object.encode(text: service.name, forKey: .name, atMost: HandshakeLimits.nameBytes)
    var entry = object.nestedContainer(keyedBy: ControlMessageJSON.Key.self, forKey: .entry)
    try entry.encode(mode: service.entry.mode)
    switch service.entry.port {
    case .listenEntry: try entry.encodeNil(forKey: .port)
    case .any: try entry.encode(0, forKey: .port)
    case .number(let number): try entry.encode(number, forKey: .port)
    }
  }
}

/// `{"mode": …, "address": …, "port": …}`
private struct BoundEntryJSON: Codable {
  let entry: BoundEntry

  init(entry: BoundEntry) {
    self.entry = entry
  }

  init(from decoder: any Decoder) throws {
    let object = try decoder.container(keyedBy: ControlMessageJSON.Key.self)
    let port = try object.decode(UInt16.self, forKey: .port)
    guard port > 0 else { throw object.malformed(.port) }
    entry = BoundEntry(
      mode: try object.mode(),
      address: try object.text(.address, atMost: HandshakeLimits.nameBytes),
      port: port
    )
  }

  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: ControlMessageJSON.Key.self)
    try object.encode(mode: entry.mode)
    try object.encode(text: entry.address, forKey: .address, atMost: HandshakeLimits.nameBytes)
    try object.encode(entry.port, forKey: .port)
  }
}

extension KeyedDecodingContainer<ControlMessageJSON.Key> {
  fileprivate func malformed(_ key: Key) -> DecodingError {
    .dataCorruptedError(forKey: key, in: self, debugDescription: "outside its limits")
  }

  fileprivate func identifier(_ key: Key) throws -> UInt64 {
    let value = try decode(UInt64.self, forKey: key)
    guard value <= HandshakeLimits.controlIdentifier else { throw malformed(key) }
    return value
  }

  fileprivate func text(_ key: Key, atMost limit: Int) throws -> String {
    guard let text = try optionalText(key, atMost: limit), !text.isEmpty else {
      throw malformed(key)
    }
    return text
  }

  fileprivate func optionalText(_ key: Key, atMost limit: Int) throws -> String? {
    guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
    guard text.utf8.count <= limit, text.isPrintable else { throw malformed(key) }
    return text
  }

  fileprivate func mode() throws -> EntryMode {
    EntryMode(rawValue: try text(.mode, atMost: HandshakeLimits.modeBytes))
  }

  fileprivate func seconds(_ key: Key) throws -> Duration? {
    guard let seconds = try decodeIfPresent(UInt32.self, forKey: key) else { return nil }
    let duration = Duration.seconds(seconds)
    guard HandshakeLimits.retryDelay.contains(duration) else { throw malformed(key) }
    return duration
  }
}

extension KeyedEncodingContainer<ControlMessageJSON.Key> {
  private func unencodable(_ value: Any, _ key: Key) -> EncodingError {
    .invalidValue(value, .init(codingPath: [key], debugDescription: "outside its limits"))
  }

  fileprivate mutating func encode(identifier: UInt64, forKey key: Key) throws {
    guard identifier <= HandshakeLimits.controlIdentifier else {
      throw unencodable(identifier, key)
    }
    try encode(identifier, forKey: key)
  }

  fileprivate mutating func encode(text: String, forKey key: Key, atMost limit: Int) throws {
    guard (1...limit).contains(text.utf8.count), text.isPrintable else {
      throw unencodable(text, key)
    }
    try encode(text, forKey: key)
  }

  fileprivate mutating func encode(mode: EntryMode) throws {
    try encode(text: mode.rawValue, forKey: .mode, atMost: HandshakeLimits.modeBytes)
  }

  fileprivate mutating func encode(seconds duration: Duration, forKey key: Key) throws {
    guard HandshakeLimits.retryDelay.contains(duration) else { throw unencodable(duration, key) }
    try encode(duration.components.seconds, forKey: key)
  }
}
