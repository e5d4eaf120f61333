// Which token is sent next, until one opens.
//
// The first is that of this window. It may be lost: the next window's follows, with the first once more, so
// that nobody else can use it. Then the host may have lost its memory today, once or more often: the same
// window's next tokens follow. Five tokens are enough after three losses. Then later windows, again with the
// first, and more losses by turns: for what was used elsewhere, and for a host that has its tokens a moment
// later.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "client/tokens/memory.hpp"
#include "knockwork/client.hpp"

namespace knockwork {

class TokenTurns {
 public:
  // `addresses`: how many are tried in turn. Each has tokens of its own, for what arrives is used up.
  TokenTurns(const TokenSource& source, std::size_t addresses);

  // What is sent in this round, counted from 1, to this address: one token, or one again and a new one.
  std::vector<TokenBytes> next(int round, std::size_t address, UnixTime now);
  // A token of this round has opened there.
  void opened(int round, std::size_t address);
  void none_opened();

 private:
  struct Sent {
    Window window = 0;
    Losses losses = 0;
  };
  struct Line {
    Window first = 0;
    Window window = 0;
    std::vector<Sent> sent;  // by round
  };

  Window take(UnixTime now, Window earliest);
  Losses losses_in(int round, const Line& line) const;
  TokenBytes draw(Sent sent) const { return source_.draw(sent.window, sent.losses); }

  const TokenSource& source_;
  std::vector<Line> lines_;
  Window last_ = 0;
};

}  // namespace knockwork
