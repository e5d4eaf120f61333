// Files of captured packets: the only user of libpcap, which is loaded where such a file is read.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace knockwork {

struct Frame {
  std::chrono::microseconds at{0};  // since the epoch
  std::string bytes;                // from the link's header on, as much as was captured
};

struct Frames {
  int link = 0;  // as pcap-linktype(7) numbers them
  std::vector<Frame> frames;
  std::string cut_off;  // why the file ends too early; empty: it does not
};

// Throws SystemError.
Frames read_frames(const std::string& file);

}  // namespace knockwork
