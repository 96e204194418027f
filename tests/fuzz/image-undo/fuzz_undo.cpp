// Undo journals over an image that they belong to: put back as a whole, or refused with nothing changed.
// Their sum is made right.
#include <ext2fs/ext2fs.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/image_input.h"
#include "image/bytes/undo_journal.h"

namespace {

using namespace cg;
using namespace cg::image;

constexpr std::size_t header_bytes = 48;
constexpr std::size_t record_bytes = 16;

std::uint32_t sum_of(std::string_view bytes) {
  return ext2fs_crc32c_le(0xffffffff, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::string image_before() {
  std::string bytes(16 << 10, '\0');
  for (std::size_t i = 1024; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
  return bytes;
}

// Identity and sum as they must be: what is left of the input are sizes, places and bytes.
void mend(std::string& journal, const std::string& image) {
  if (journal.size() < header_bytes) return;
  journal.replace(0, 8, "CGUNDO1\n");
  std::uint64_t place = 0;
  std::memcpy(&place, journal.data() + 16, sizeof place);
  if (place <= image.size() - 1024) {
    const UndoIdentity identity = [&] {
      UndoIdentity made;
      made.set(0, std::as_bytes(std::span(image)).subspan(place, 1024));
      return made;
    }();
    std::memcpy(journal.data() + 24, identity.checksums[0], sizeof identity.checksums[0]);
  }
  for (std::size_t at = header_bytes; at + record_bytes <= journal.size();) {
    std::uint32_t count = 0;
    std::uint32_t kind = 0;
    std::memcpy(&count, journal.data() + at + 8, sizeof count);
    std::memcpy(&kind, journal.data() + at + 12, sizeof kind);
    if (kind == 2) {
      const std::uint64_t sum = sum_of(std::string_view(journal).substr(0, at));
      std::memcpy(journal.data() + at, &sum, sizeof sum);
      return;
    }
    at += record_bytes + (kind == 1 ? count : 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  static const std::string before = image_before();
  std::string journal(reinterpret_cast<const char*>(data), size);
  if (!journal.empty() && journal[0] != 'X') mend(journal, before);
  scratch.put("image", before);
  scratch.put("journal", journal);
  const UniqueFd image(open((scratch / "image").c_str(), O_RDWR | O_CLOEXEC));
  const auto replayed = replay_undo_journal(scratch / "journal", image.get(), "image");
  if (!replayed) {
    fuzz::require(!replayed.error().message.empty(), "an error without a message");
    fuzz::require(scratch.get("image") == before, "a refused journal has changed the image");
    return 0;
  }
  std::uint64_t old_size = 0;
  std::memcpy(&old_size, journal.data() + 8, sizeof old_size);
  fuzz::require(std::filesystem::file_size(scratch / "image") == old_size, "another size than the journal's");
  return 0;
}
