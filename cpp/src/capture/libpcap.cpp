#include "capture/libpcap.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/time.h>

#include <array>
#include <cstdint>
#include <memory>

#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

// pcap(3PCAP): what its ABI has been since version 0.8.
struct Pcap;
struct PacketHeader {
  timeval at;
  std::uint32_t captured;
  std::uint32_t length;
};

struct Libpcap {
  Pcap* (*open_offline)(const char* file, char* error) = nullptr;
  int (*datalink)(Pcap* capture) = nullptr;
  int (*next_ex)(Pcap* capture, PacketHeader** header, const unsigned char** bytes) = nullptr;
  char* (*geterr)(Pcap* capture) = nullptr;
  void (*close)(Pcap* capture) = nullptr;
};

[[noreturn]] void missing() {
  throw SystemError("libpcap is needed to read captures: install it (Debian: apt install tcpdump)");
}

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr) missing();
}

// Never closed: the process ends soon.
Libpcap load() {
  void* library = ::dlopen("libpcap.so.0.8", RTLD_NOW);
  if (library == nullptr) library = ::dlopen("libpcap.so.1", RTLD_NOW);
  if (library == nullptr) missing();
  Libpcap found;
  find(library, "pcap_open_offline", found.open_offline);
  find(library, "pcap_datalink", found.datalink);
  find(library, "pcap_next_ex", found.next_ex);
  find(library, "pcap_geterr", found.geterr);
  find(library, "pcap_close", found.close);
  return found;
}

}  // namespace

Frames read_frames(const std::string& file) {
  const Libpcap pcap = load();
  std::array<char, 256> error{};  // PCAP_ERRBUF_SIZE
  const std::unique_ptr<Pcap, void (*)(Pcap*)> capture(pcap.open_offline(file.c_str(), error.data()),
                                                       pcap.close);
  if (!capture) throw SystemError(fmt::format("cannot read the capture: {}", error.data()));
  Frames read;
  read.link = pcap.datalink(capture.get());
  while (true) {
    PacketHeader* header = nullptr;
    const unsigned char* bytes = nullptr;
    const int said = pcap.next_ex(capture.get(), &header, &bytes);
    if (said == -2) return read;  // the end
    if (said != 1) {
      read.cut_off = fmt::format("cannot read the capture: {}: {}", file, pcap.geterr(capture.get()));
      return read;
    }
    read.frames.push_back(
        {std::chrono::seconds(header->at.tv_sec) + std::chrono::microseconds(header->at.tv_usec),
         {reinterpret_cast<const char*>(bytes), header->captured}});
  }
}

}  // namespace knockwork
