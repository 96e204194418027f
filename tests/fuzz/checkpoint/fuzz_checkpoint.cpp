// CRIU's image files: the input is a list of them, each a byte that picks its name, two for its length, and
// its bytes behind the head. Inventory and tree that are not in it are whole ones.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "checkpoint/describe.h"
#include "checkpoint/load.h"
#include "checkpoint/records.h"
#include "fuzz/require.h"

namespace cg::checkpoint {
namespace {

struct Named {
  const char* name;
  Magic magic;
};
constexpr std::array images{Named{"inventory.img", Magic::inventory},
                            Named{"pstree.img", Magic::process_tree},
                            Named{"core-7.img", Magic::core},
                            Named{"ids-7.img", Magic::objects},
                            Named{"mm-7.img", Magic::memory},
                            Named{"fs-7.img", Magic::filesystem},
                            Named{"fdinfo-2.img", Magic::descriptors},
                            Named{"files.img", Magic::files},
                            Named{"remap-fpath.img", Magic::remaps},
                            Named{"ghost-file-1.img", Magic::ghost},
                            Named{"tty-info.img", Magic::terminals},
                            Named{"mountpoints-9.img", Magic::mounts},
                            Named{"netdev-5.img", Magic::network_devices},
                            Named{"netns-5.img", Magic::network_namespace},
                            Named{"pidns-4.img", Magic::pid_namespace},
                            Named{"cgroup.img", Magic::cgroups},
                            Named{"cpuinfo.img", Magic::processor},
                            Named{"filelocks.img", Magic::locks},
                            Named{"pagemap-7.img", Magic::pagemap},
                            Named{"stats-dump", Magic::statistics}};

std::string number(std::uint32_t value) {
  std::string bytes(4, '\0');
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(std::string_view input) {
    name_ = "fuzz";
    while (input.size() >= 3) {
      const auto which = static_cast<unsigned char>(input[0]);
      const std::size_t length =
          std::min<std::size_t>(static_cast<unsigned char>(input[1]) |
                                    static_cast<unsigned>(static_cast<unsigned char>(input[2])) << 8,
                                input.size() - 3);
      add(which % images.size(), which < 128, input.substr(3, length));
      input.remove_prefix(3 + length);
    }
    // Version 2; process 7 without a parent, in its own group and session.
    if (!has("inventory.img")) add(0, true, {"\4\0\0\0\x08\2\x10\1", 8});
    if (!has("pstree.img")) add(1, true, {"\x0c\0\0\0\x08\7\x10\0\x18\7\x20\7\x28\7\x28\x08", 16});
  }
  Result<std::unique_ptr<Store>> open_parent() const override { return refused("none"); }
  Result<std::string> begin(const std::string& file, std::size_t most) const override {
    return contents_.at(file).substr(0, most);
  }

 private:
  void add(std::size_t which, bool with_head, std::string_view bytes) {
    std::string& content = contents_[images[which].name];
    if (content.empty() && with_head)
      content = number(0x54564319) + number(static_cast<std::uint32_t>(images[which].magic));
    content += bytes;
    sizes_[images[which].name] = content.size();
  }
  std::map<std::string, std::string> contents_;
};

}  // namespace
}  // namespace cg::checkpoint

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cg::checkpoint;
  const MemoryStore store({reinterpret_cast<const char*>(data), size});
  const auto read = load(store);
  if (!read) {
    cg::fuzz::require(!read.error().message.empty(), "an error without a message");
    return 0;
  }
  cg::fuzz::require(!read->tasks.empty(), "a checkpoint without a process");
  for (const auto& [id, file] : read->files) {
    for (const char c : describe(*read, file))
      cg::fuzz::require(static_cast<unsigned char>(c) >= 0x20, "a name with a control character is shown");
    (void)holder_of(*read, id);
  }
  return 0;
}
