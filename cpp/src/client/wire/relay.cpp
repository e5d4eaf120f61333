// The plain way of a ProxyCommand: bytes between a socket and two descriptors.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "knockwork/client.hpp"

namespace knockwork {
namespace {

// Pipes and sockets only: with them a write of what does not fit would wait, and the
// other direction with it. A terminal is shared with others, who would notice.
class Nonblocking {
 public:
  explicit Nonblocking(int number) : number_(number) {
    struct stat status {};
    if (::fstat(number, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))) return;
    flags_ = ::fcntl(number, F_GETFL);
    if (flags_ >= 0) ::fcntl(number, F_SETFL, flags_ | O_NONBLOCK);
  }
  ~Nonblocking() {
    if (flags_ >= 0) ::fcntl(number_, F_SETFL, flags_);
  }
  Nonblocking(const Nonblocking&) = delete;
  Nonblocking& operator=(const Nonblocking&) = delete;

 private:
  int number_;
  int flags_ = -1;
};

bool would_wait() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

// One direction. What was read is written before anything else is done.
class Flow {
 public:
  Flow(int from, int to) : from_(from), to_(to) {}

  bool over() const { return over_; }
  bool broken() const { return broken_; }  // the reading side failed, rather than ended

  // Says what it waits for.
  void ask(std::vector<pollfd>& wanted) {
    place_ = wanted.size();
    if (!over_)
      wanted.push_back({pending() ? to_ : from_, static_cast<short>(pending() ? POLLOUT : POLLIN), 0});
  }

  // Goes on where that has come. Returns whether all was read and written.
  bool step(const std::vector<pollfd>& polled) {
    if (over_ || polled[place_].revents == 0) return false;
    if (!pending()) read();
    if (pending()) write();
    return ended_ && !pending();
  }

  void stop() { over_ = true; }

 private:
  bool pending() const { return begin_ != end_; }

  void read() {
    const ssize_t count = ::read(from_, buffer_.data(), buffer_.size());
    if (count < 0 && would_wait()) return;
    broken_ = count < 0;
    ended_ = count <= 0;
    begin_ = 0;
    end_ = ended_ ? 0 : static_cast<std::size_t>(count);
  }

  void write() {
    const ssize_t count = ::write(to_, buffer_.data() + begin_, end_ - begin_);
    if (count >= 0) {
      begin_ += static_cast<std::size_t>(count);
    } else if (!would_wait()) {
      over_ = true;  // nobody takes it any longer
    }
  }

  int from_, to_;
  std::array<char, 65536> buffer_{};
  std::size_t begin_ = 0, end_ = 0, place_ = 0;
  bool ended_ = false, broken_ = false, over_ = false;
};

void end_output(int out) {
  ::shutdown(out, SHUT_WR);  // of a socket, which may be the input as well
  ::close(out);
}

}  // namespace

void relay(Socket socket, int in, int out) {
  const int number = socket.number();
  const int on = 1;
  ::setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const Nonblocking in_guard(in), out_guard(out), socket_guard(number);
  Flow up(in, number), down(number, out);
  std::vector<pollfd> polled;
  while (!up.over() || !down.over()) {
    polled.clear();
    up.ask(polled);
    down.ask(polled);
    if (!down.over()) polled.push_back({out, 0, 0});  // tells when its reader is gone
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    const bool deserted = !down.over() && (polled.back().revents & POLLERR) != 0;
    if (up.step(polled)) {
      ::shutdown(number, SHUT_WR);
      up.stop();
    }
    if (deserted) {
      down.stop();
    } else if (down.step(polled)) {
      end_output(out);
      down.stop();
    }
    if (down.broken()) up.stop();
  }
}

}  // namespace knockwork
