import HawserTLS
import NIOCore
