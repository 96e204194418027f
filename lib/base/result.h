// Errors are values: a function that can fail returns Result<T>, and only a tool's main turns an Error into a
// message and an exit status. Exceptions are left to programming errors and memory exhaustion.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace cg {

// What the user must do decides the kind; the kind decides the exit status (docs/exit-status.md).
enum class ErrorKind {
  refused,  // the answer is no: a gate failed, an input is damaged or not allowed (exit status 1)
  usage,    // the call's words are off (2)
  cannot,   // could not find out or could not do it: unreadable, unwritable, no tool, I/O error (3)
};

struct Error {
  ErrorKind kind = ErrorKind::cannot;
  std::string message;  // what, where and what to do; no trailing newline
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> refused(std::string message) {
  return std::unexpected(Error{ErrorKind::refused, std::move(message)});
}
inline std::unexpected<Error> usage_error(std::string message) {
  return std::unexpected(Error{ErrorKind::usage, std::move(message)});
}
inline std::unexpected<Error> cannot(std::string message) {
  return std::unexpected(Error{ErrorKind::cannot, std::move(message)});
}
// "<what>: <strerror(error)>".
std::unexpected<Error> cannot_errno(const std::string& what, int error);

// Exit statuses shared by all tools.
inline constexpr int exit_good = 0;
inline constexpr int exit_no = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_unable = 3;
int exit_status(const Error& error);

// CG_CHECK(expr): returns the error of a Result<void> expression.
#define CG_CHECK(expr)                                                                             \
  do {                                                                                             \
    if (auto cg_check_ = (expr); !cg_check_) return std::unexpected(std::move(cg_check_).error()); \
  } while (false)

// CG_TRY(name, expr): `auto name` takes the value of a Result<T>, or the error is returned.
#define CG_TRY(name, expr)                                                        \
  auto name##_result_ = (expr);                                                   \
  if (!name##_result_) return std::unexpected(std::move(name##_result_).error()); \
  auto name = std::move(*name##_result_)

}  // namespace cg
