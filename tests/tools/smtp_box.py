"""A mail server that takes everything, on loopback, without TLS: `mails` has (recipients, bytes as sent)."""
import socketserver
import threading


class Box:
    def __init__(self):
        outer = self
        self.mails = []

        class Handler(socketserver.StreamRequestHandler):
            def say(self, text):
                self.wfile.write(text.encode() + b"\r\n")

            def take(self, recipients):
                self.say("354 go on")
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b".") else line)
                if line == b"":  # it was cut off: no mail
                    return
                outer.mails.append((recipients, b"".join(lines)))
                self.say("250 taken")

            def handle(self):
                recipients = []
                self.say("220 box")
                while line := self.rfile.readline().decode("latin-1").strip():
                    word = line[:4].upper()
                    if word == "RCPT":
                        recipients.append(line)
                    if word == "DATA":
                        self.take(recipients)
                    elif word == "QUIT":
                        return self.say("221 bye")
                    else:
                        self.say("250 box")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *unused: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
