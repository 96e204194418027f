// An initrd: a tree or an error, whatever follows what; then the tree is walked, changed and written, and
// what was written is read again.
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "base/file.h"
#include "fuzz/require.h"
#include "image/initrd/archive.h"
#include "image/initrd/writer.h"

namespace {

using namespace cg;
using namespace cg::image;

class Bytes final : public Device {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  int get(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset > bytes_.size() || into.size() > bytes_.size() - offset) return EIO;
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return 0;
  }
  int put(std::uint64_t, std::span<const std::byte>) override { return EROFS; }
  const std::string& name() const override { return name_; }

 private:
  std::span<const std::byte> bytes_;
  std::string name_ = "input";
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes input(std::as_bytes(std::span(data, size)));
  const InitrdLimits limits{.unpacked = 1 << 20, .entries = 10000};
  const auto archive = InitrdArchive::read(input, limits);
  if (!archive) {
    fuzz::require(!archive.error().message.empty(), "an error without a message");
    return 0;
  }
  fuzz::require(archive->faults().size() <= archive->fault_count(), "more faults than were counted");
  for (const char* const path : {"/", "/etc/a", "/l/c", "/../x"})
    (void)archive->tree().look_up(path, LastLink::follow);
  UniqueFd file = std::move(*nameless_file("/tmp"));
  const auto written = write_repacked(*archive, input, file.get(), {Compression::none, {}});
  if (!written) return 0;
  FileDevice again = std::move(*FileDevice::of(file.get(), "written"));
  const auto reread = InitrdArchive::read(again, {.unpacked = 1 << 30, .entries = 20000});
  fuzz::require(reread.has_value(), "what was written is not read");
  fuzz::require(!reread->lost_entries() || archive->lost_entries(), "what was written is not all unpacked");
  fuzz::require(reread->tree().file_bytes() == archive->tree().file_bytes(), "files have other sizes");
  return 0;
}
