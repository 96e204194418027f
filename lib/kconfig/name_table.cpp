#include "kconfig/name_table.h"

#include <algorithm>
#include <cstring>

namespace cg::kconfig {
namespace {

std::uint32_t hash_of(std::string_view name) {
  std::uint64_t hash = 0x9e3779b97f4a7c15ULL ^ name.size();
  for (std::size_t at = 0; at < name.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, name.data() + at, std::min<std::size_t>(8, name.size() - at));
    hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    hash ^= hash >> 32;
  }
  return static_cast<std::uint32_t>(hash);
}

}  // namespace

NameTable::NameTable() : slots_(64) {}

std::size_t NameTable::slot_of(std::string_view name) const {
  std::size_t at = hash_of(name) & (slots_.size() - 1);
  while (slots_[at].index != none && name != std::string_view(slots_[at].data, slots_[at].length))
    at = (at + 1) & (slots_.size() - 1);
  return at;
}

void NameTable::resize(std::size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  for (const Slot& slot : old)
    if (slot.index != none) slots_[slot_of({slot.data, slot.length})] = slot;
}

// At most two thirds of the slots are taken.
void NameTable::reserve(std::size_t names) {
  std::size_t slots = slots_.size();
  while (slots * 2 < names * 3) slots *= 2;
  if (slots != slots_.size()) resize(slots);
}

Index NameTable::intern(std::string_view name, Index fresh) {
  std::size_t at = slot_of(name);
  if (slots_[at].index != none) return slots_[at].index;
  if (slots_.size() * 2 < (used_ + 1) * 3) {
    resize(slots_.size() * 2);
    at = slot_of(name);
  }
  slots_[at] = {name.data(), static_cast<std::uint32_t>(name.size()), fresh};
  ++used_;
  return fresh;
}

Index NameTable::find(std::string_view name) const {
  return slots_[slot_of(name)].index;
}

}  // namespace cg::kconfig
