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

std::size_t NameTable::slot_of(std::string_view name, std::uint32_t hash) const {
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].index != none && (slots_[at].hash != hash || slots_[at].name != name))
    at = (at + 1) & (slots_.size() - 1);
  return at;
}

void NameTable::resize(std::size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  for (const Slot& slot : old)
    if (slot.index != none) slots_[slot_of(slot.name, slot.hash)] = slot;
}

void NameTable::reserve(std::size_t names) {
  std::size_t slots = slots_.size();
  while (slots < names * 2) slots *= 2;
  if (slots != slots_.size()) resize(slots);
}

Index NameTable::intern(std::string_view name, Index fresh) {
  const std::uint32_t hash = hash_of(name);
  std::size_t at = slot_of(name, hash);
  if (slots_[at].index != none) return slots_[at].index;
  if ((used_ + 1) * 2 > slots_.size()) {
    resize(slots_.size() * 2);
    at = slot_of(name, hash);
  }
  slots_[at] = {name, fresh, hash};
  ++used_;
  return fresh;
}

Index NameTable::find(std::string_view name) const {
  return slots_[slot_of(name, hash_of(name))].index;
}

}  // namespace cg::kconfig
