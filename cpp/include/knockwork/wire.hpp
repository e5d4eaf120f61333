// The narrow way from the client's policy to the world: names, packets,
// connections, time. The real one is linux_wire.cpp; tests have one of their own.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "knockwork/client.hpp"
#include "knockwork/derive.hpp"

namespace knockwork {

// Where packets go: an address, and of a link-local one its interface.
struct Destination {
  Network address;
  std::uint32_t scope = 0;  // the index of the interface; 0: none is needed
  auto operator<=>(const Destination&) const = default;
};
std::string to_string(const Destination& destination);

class Wire {
 public:
  Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  virtual ~Wire() = default;

  // The addresses of a name in the order in which to try them, without repetition.
  // Empty, and `why` set, where there is none.
  virtual std::vector<Destination> resolve(const std::string& name, Family family, std::string& why) = 0;

  // Whether this host has a way there; else why not.
  virtual std::string obstacle(const Destination& to, const Way& way) = 0;

  // One packet, once. Closing the socket sends nothing more, and takes no answer.
  struct Sent {
    Socket socket;    // hears the answer
    std::string why;  // it was not sent, in the system's words
  };
  virtual Sent knock(const Destination& to, Knock knock, const Way& way) = 0;

  // One UDP datagram, once, from a socket of its own.
  virtual Sent send(const Destination& to, std::uint16_t port, const std::string& datagram,
                    const Way& way) = 0;

  // Whether one of these packets is answered within this time, with whatever it is: a closed port's
  // refusal, or more. Then that packet has arrived.
  virtual bool answered(const std::vector<Socket>& sent, std::chrono::milliseconds most) = 0;

  enum class Answer { open, refused, silent, no_way };
  struct Tried {
    Answer answer = Answer::silent;
    Socket socket;    // of an open one
    std::string why;  // of the others, in the system's words
  };
  // A proof asks for an answer alone: its socket, once closed, resets the connection, and the program that
  // listens there is not disturbed.
  enum class Purpose { connection, proof };
  virtual Tried connect(const Destination& to, std::uint16_t port, const Way& way,
                        std::chrono::milliseconds timeout, Purpose purpose) = 0;

  // The same without waiting: with a socket, and `silent`, where it is under way. No program hears of it
  // before keep() does.
  virtual Tried begin(const Destination& to, std::uint16_t port, const Way& way) = 0;
  // The first of them that is answered within this time; else `silent`.
  struct Heard {
    Answer answer = Answer::silent;
    std::size_t which = 0;
    std::string why;
  };
  virtual Heard hear(const std::vector<Socket>& begun, std::chrono::milliseconds most) = 0;
  // Makes an open one that was begun a connection to be used.
  virtual void keep(const Socket& socket) = 0;

  virtual UnixTime clock() = 0;
  virtual std::chrono::milliseconds now() = 0;  // never goes back
  virtual void sleep(std::chrono::milliseconds time) = 0;
  virtual std::chrono::milliseconds random(std::chrono::milliseconds most) = 0;  // 0 to most
};

}  // namespace knockwork
