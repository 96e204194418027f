#include "restore/build_id.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace cg::restore {
namespace {

constexpr std::size_t head_bytes = 4096;           // of most files they hold the note as well
constexpr std::uint64_t most_offset = 1ULL << 20;  // CRIU looks no further either
constexpr std::size_t most_headers = 128;

template <class T>
bool take(const std::string& bytes, std::size_t at, T& into) {
  if (at > bytes.size() || bytes.size() - at < sizeof into) return false;
  std::memcpy(&into, bytes.data() + at, sizeof into);
  return true;
}

// In a segment of notes; both classes have the same header.
std::string id_in(const std::string& notes) {
  std::size_t at = 0;
  for (Elf64_Nhdr note; take(notes, at, note);) {
    const auto padded = [](std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; };
    const std::uint64_t name = at + sizeof note;
    const std::uint64_t content = name + padded(note.n_namesz);
    const std::uint64_t next = content + padded(note.n_descsz);
    if (next > notes.size() + 3) return {};
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        notes.compare(name, 4, std::string("GNU\0", 4)) == 0) {
      std::string text;
      for (std::uint64_t i = content; i < content + note.n_descsz && i < notes.size(); ++i)
        text += fmt::format("{:02x}", static_cast<unsigned char>(notes[i]));
      return text;
    }
    at = next;
  }
  return {};
}

template <class Header, class Segment>
std::string id_of(const std::string& head,
                  const std::function<std::string(std::uint64_t, std::size_t)>& read) {
  Header header;
  if (!take(head, 0, header)) return {};
  std::string table = head;
  std::uint64_t start = header.e_phoff;
  const std::size_t count = std::min<std::size_t>(header.e_phnum, most_headers);
  if (start + count * sizeof(Segment) > head.size()) {
    if (start > most_offset) return {};
    table = read(start, count * sizeof(Segment));
    start = 0;
  }
  for (std::size_t i = 0; i < count; ++i) {
    Segment segment;
    if (!take(table, start + i * sizeof(Segment), segment)) return {};
    if (segment.p_type != PT_NOTE || segment.p_offset > most_offset) continue;
    const std::size_t size = std::min<std::uint64_t>(segment.p_filesz, most_offset);
    const std::string notes = segment.p_offset + size <= head.size() ? head.substr(segment.p_offset, size)
                                                                     : read(segment.p_offset, size);
    if (auto id = id_in(notes); !id.empty()) return id;
  }
  return {};
}

}  // namespace

std::string build_id(const std::function<std::string(std::uint64_t, std::size_t)>& read) {
  const std::string head = read(0, head_bytes);
  if (head.size() < EI_NIDENT || head.compare(0, SELFMAG, ELFMAG) != 0) return {};
  if (head[EI_CLASS] == ELFCLASS64) return id_of<Elf64_Ehdr, Elf64_Phdr>(head, read);
  if (head[EI_CLASS] == ELFCLASS32) return id_of<Elf32_Ehdr, Elf32_Phdr>(head, read);
  return {};
}

}  // namespace cg::restore
