#include "image/bytes/overlay.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace cg::image {
namespace {

constexpr std::uint64_t unit = Overlay::unit;
std::uint64_t floor_unit(std::uint64_t offset) {
  return offset / unit * unit;
}

}  // namespace

int Overlay::get(std::uint64_t offset, std::span<std::byte> into) {
  if (offset > size_ || into.size() > size_ - offset) return EIO;
  while (!into.empty()) {
    const std::uint64_t start = floor_unit(offset);
    if (const auto own = units_.find(start); own != units_.end()) {
      const std::size_t count = std::min<std::uint64_t>(into.size(), start + unit - offset);
      std::memcpy(into.data(), own->second.data() + (offset - start), count);
      into = into.subspan(count);
      offset += count;
      continue;
    }
    // Up to the next unit of bytes.
    std::uint64_t end = offset + into.size();
    if (const auto next = units_.upper_bound(start); next != units_.end()) end = std::min(end, next->first);
    auto after = parts_.upper_bound(offset);
    const bool in_part =
        after != parts_.begin() && std::prev(after)->first + std::prev(after)->second.count > offset;
    if (in_part) {
      const auto& [at, part] = *std::prev(after);
      end = std::min(end, at + part.count);
      const auto piece = into.first(end - offset);
      if (part.fd < 0)
        std::ranges::fill(piece, std::byte{});
      else if (const int error = FileDevice(part.fd, {}, INT64_MAX).get(part.from + (offset - at), piece))
        return error;
    } else {
      if (after != parts_.end()) end = std::min(end, after->first);
      const auto piece = into.first(end - offset);
      const std::size_t there =
          offset < base_.size() ? std::min<std::uint64_t>(piece.size(), base_.size() - offset) : 0;
      if (there > 0)
        if (const int error = base_.get(offset, piece.first(there))) return error;
      std::ranges::fill(piece.subspan(there), std::byte{});
    }
    into = into.subspan(end - offset);
    offset = end;
  }
  return 0;
}

int Overlay::put(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset > size_ || bytes.size() > size_ - offset) return ENOSPC;
  while (!bytes.empty()) {
    const std::uint64_t start = floor_unit(offset);
    const std::size_t count = std::min<std::uint64_t>(bytes.size(), start + unit - offset);
    auto own = units_.find(start);
    if (own == units_.end()) {
      std::vector<std::byte> whole(unit);
      if (count < unit)
        if (const int error = get(start, std::span(whole).first(std::min(unit, size_ - start)))) return error;
      own = units_.emplace(start, std::move(whole)).first;
    }
    std::memcpy(own->second.data() + (offset - start), bytes.data(), count);
    bytes = bytes.subspan(count);
    offset += count;
  }
  return 0;
}

void Overlay::place(std::uint64_t offset, Part part) {
  const std::uint64_t end = offset + part.count;
  units_.erase(units_.lower_bound(offset), units_.lower_bound(end));
  auto at = parts_.upper_bound(offset);
  if (at != parts_.begin()) --at;
  while (at != parts_.end() && at->first < end) {
    const auto [old_offset, old] = *at;
    const std::uint64_t old_end = old_offset + old.count;
    if (old_end <= offset) {
      ++at;
      continue;
    }
    at = parts_.erase(at);
    if (old_offset < offset) parts_.emplace(old_offset, Part{offset - old_offset, old.fd, old.from});
    if (old_end > end)
      at = parts_.emplace(end, Part{old_end - end, old.fd, old.from + (end - old_offset)}).first;
  }
  parts_.emplace(offset, part);
}

Result<void> Overlay::put_file(std::uint64_t offset, std::uint64_t count, int fd, std::uint64_t from) {
  FileDevice file(fd, "an input file", INT64_MAX);
  std::vector<std::byte> bytes;
  const auto copy = [&](std::uint64_t piece) -> Result<void> {
    bytes.resize(piece);
    CG_CHECK(file.read(from, bytes));
    CG_CHECK(write(offset, bytes));
    offset += piece;
    from += piece;
    count -= piece;
    return {};
  };
  if (offset % unit != 0 && count > 0) CG_CHECK(copy(std::min(count, unit - offset % unit)));
  if (const std::uint64_t whole = floor_unit(count); whole > 0) {
    place(offset, {whole, fd, from});
    offset += whole;
    from += whole;
    count -= whole;
  }
  if (count > 0) CG_CHECK(copy(count));
  return {};
}

Result<void> Overlay::put_zeros(std::uint64_t offset, std::uint64_t count) {
  const std::vector<std::byte> zeros(unit);
  const auto edge = [&](std::uint64_t piece) -> Result<void> {
    CG_CHECK(write(offset, std::span(zeros).first(piece)));
    offset += piece;
    count -= piece;
    return {};
  };
  if (offset % unit != 0 && count > 0) CG_CHECK(edge(std::min(count, unit - offset % unit)));
  if (const std::uint64_t whole = floor_unit(count); whole > 0) {
    place(offset, {whole, -1, 0});
    offset += whole;
    count -= whole;
  }
  if (count > 0) CG_CHECK(edge(count));
  return {};
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> Overlay::ranges() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
  for (const auto& [offset, bytes] : units_)
    all.emplace_back(offset, std::min<std::uint64_t>(unit, size_ - offset));
  for (const auto& [offset, part] : parts_) all.emplace_back(offset, part.count);
  std::ranges::sort(all);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> merged;
  for (const auto& [offset, count] : all) {
    if (!merged.empty() && offset <= merged.back().first + merged.back().second)
      merged.back().second = std::max(merged.back().second, offset + count - merged.back().first);
    else
      merged.emplace_back(offset, count);
  }
  return merged;
}

Result<void> Overlay::visit(
    std::size_t most, const std::function<Result<void>(std::uint64_t, std::span<const std::byte>)>& visitor) {
  std::vector<std::byte> buffer;
  for (auto [offset, count] : ranges()) {
    while (count > 0) {
      buffer.resize(std::min<std::uint64_t>(count, most));
      CG_CHECK(read(offset, buffer));
      CG_CHECK(visitor(offset, buffer));
      offset += buffer.size();
      count -= buffer.size();
    }
  }
  return {};
}

}  // namespace cg::image
