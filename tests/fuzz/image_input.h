// What the fuzzers of images share: a directory in memory for what only takes a path, and inputs that are
// small changes to something whole, so that the parsers are reached behind their checks of magic numbers.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "fuzz/require.h"
#include "image/bytes/device.h"

namespace cg::fuzz {

// A directory of this process's own in /dev/shm, or among the temporary files; gone when the process ends.
class Scratch {
 public:
  Scratch() {
    std::error_code none;
    const std::filesystem::path shared = "/dev/shm";
    const auto base = std::filesystem::is_directory(shared, none) && access(shared.c_str(), W_OK) == 0
                          ? shared
                          : std::filesystem::temp_directory_path();
    std::string pattern = (base / "criu-guest-fuzz.XXXXXX").string();
    require(mkdtemp(pattern.data()) != nullptr, "no directory to work in");
    path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  void put(std::string_view name, std::string_view bytes) const {
    const UniqueFd fd(open((path_ / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    require(fd && write_all(fd.get(), bytes, std::string(name)).has_value(), "cannot write a file in memory");
  }
  std::string get(std::string_view name) const {
    auto bytes = read_file(path_ / name, UINT64_MAX);
    require(bytes.has_value(), "a file of the test is gone");
    return std::move(*bytes);
  }
  // How many files there are; a command that leaves one behind is wrong.
  std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::recursive_directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

class MemoryDevice final : public image::Device {
 public:
  explicit MemoryDevice(std::size_t size) : bytes_(size) {}
  std::uint64_t size() const override { return bytes_.size(); }
  int get(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset > bytes_.size() || into.size() > bytes_.size() - offset) return EIO;
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return 0;
  }
  int put(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset) return ENOSPC;
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return 0;
  }
  const std::string& name() const override { return name_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

 private:
  std::vector<std::byte> bytes_;
  std::string name_ = "input";
};

// The fuzzer's bytes, taken one number after the other; zeros when there are no more.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  bool empty() const { return left_ == 0; }
  template <class T>
  T take() {
    T value{};
    const std::size_t count = std::min(left_, sizeof value);
    std::memcpy(&value, data_, count);
    skip(count);
    return value;
  }
  std::string_view bytes(std::size_t count) {
    const std::string_view text(reinterpret_cast<const char*>(data_), std::min(count, left_));
    skip(text.size());
    return text;
  }
  std::string_view rest() { return bytes(left_); }

 private:
  void skip(std::size_t count) {
    data_ += count;
    left_ -= count;
  }
  const std::uint8_t* data_;
  std::size_t left_;
};

// Records of offset (3 bytes), length (1) and bytes, laid over `bytes`.
inline void patch(std::string& bytes, Input& input) {
  while (!input.empty()) {
    const auto head = input.take<std::uint32_t>();
    const std::size_t at = (head & 0xffffff) % bytes.size();
    const std::string_view piece = input.bytes(head >> 24);
    bytes.replace(at, std::min(piece.size(), bytes.size() - at), piece.substr(0, bytes.size() - at));
  }
}

}  // namespace cg::fuzz
