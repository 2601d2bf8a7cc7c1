/// A small strict JSON reader for the configuration of a plugin.
///
/// parse() takes one RFC 8259 document and nothing else: no comments, no trailing commas, no
/// duplicate names, no byte order mark, only well-formed UTF-8, no NUL in strings, at most 64
/// levels and 1 MiB. Whatever it rejects is an Error with INVALID_CONFIG and the detail `path`, a
/// JSON pointer. Config is the usual way to read the result:
///
///     const std::string root = config.string("path");
///     const std::int64_t limit = config.integer("limit", 100);
#ifndef SYNCLINE_SDK_JSON_HPP
#define SYNCLINE_SDK_JSON_HPP

#include <syncline/sdk/bytes.hpp>
#include <syncline/sdk/error.hpp>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <locale>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace syncline::sdk::json {

struct Member;
class Value;
using Array = std::vector<Value>;
using Object = std::vector<Member>;

/// One JSON value. Whole numbers that fit are integers, all other numbers are reals.
class Value {
public:
    using Data =
        std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object>;

    // Defined below, where Member is complete.
    inline Value() noexcept;
    inline explicit Value(Data data);
    inline Value(const Value& other);
    inline Value(Value&& other) noexcept;
    inline Value& operator=(const Value& other);
    inline Value& operator=(Value&& other) noexcept;
    inline ~Value();

    bool is_null() const noexcept { return std::holds_alternative<std::nullptr_t>(data_); }
    const bool* boolean() const noexcept { return std::get_if<bool>(&data_); }
    const std::int64_t* integer() const noexcept { return std::get_if<std::int64_t>(&data_); }
    const std::string* string() const noexcept { return std::get_if<std::string>(&data_); }
    const Array* array() const noexcept { return std::get_if<Array>(&data_); }
    const Object* object() const noexcept { return std::get_if<Object>(&data_); }
    /// Any number as a real.
    std::optional<double> number() const noexcept {
        if (const auto* real = std::get_if<double>(&data_)) {
            return *real;
        }
        if (const auto* whole = integer()) {
            return static_cast<double>(*whole);
        }
        return std::nullopt;
    }
    /// The member of that name, or nullptr if there is none or this is no object.
    inline const Value* find(std::string_view name) const noexcept;
    const Data& data() const noexcept { return data_; }

private:
    Data data_;
};

struct Member {
    std::string name;
    Value value;
};

inline Value::Value() noexcept : data_(nullptr) {}
inline Value::Value(Data data) : data_(std::move(data)) {}
inline Value::Value(const Value& other) = default;
inline Value::Value(Value&& other) noexcept = default;
inline Value& Value::operator=(const Value& other) = default;
inline Value& Value::operator=(Value&& other) noexcept = default;
inline Value::~Value() = default;

inline const Value* Value::find(std::string_view name) const noexcept {
    if (const Object* members = object()) {
        for (const Member& member : *members) {
            if (member.name == name) {
                return &member.value;
            }
        }
    }
    return nullptr;
}

struct Limits {
    std::size_t max_depth = 64;
    std::size_t max_bytes = std::size_t{1} << 20U;
};

/// Appends one step to a JSON pointer.
inline std::string pointer(std::string_view base, std::string_view step) {
    std::string out(base);
    out += '/';
    for (const char c : step) {
        if (c == '~') {
            out += "~0";
        } else if (c == '/') {
            out += "~1";
        } else {
            out += c;
        }
    }
    return out;
}

namespace detail {

class Parser {
public:
    Parser(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

    Value document() {
        if (text_.size() > limits_.max_bytes) {
            fail("the document is longer than " + std::to_string(limits_.max_bytes) + " bytes");
        }
        skip_space();
        Value value = parse_value();
        skip_space();
        if (at_ != text_.size()) {
            fail("there is text after the document");
        }
        return value;
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        throw Error(SYNCLINE_E_INVALID_CONFIG,
                    what + " (byte " + std::to_string(at_) + " of the configuration)")
            .detail(SYNCLINE_DETAIL_PATH, printable(path_));
    }

    bool done() const noexcept { return at_ >= text_.size(); }
    char peek() const noexcept { return done() ? '\0' : text_[at_]; }
    bool eat(char c) noexcept {
        if (!done() && text_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }
    void skip_space() noexcept {
        while (!done() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) {
            ++at_;
        }
    }

    Value parse_value() {
        if (done()) {
            fail("the document ends where a value is expected");
        }
        switch (peek()) {
        case '{':
            return parse_object();
        case '[':
            return parse_array();
        case '"':
            return Value(parse_string());
        case 't':
            return word("true", Value(true));
        case 'f':
            return word("false", Value(false));
        case 'n':
            return word("null", Value());
        default:
            return parse_number();
        }
    }

    Value word(std::string_view expected, Value value) {
        if (text_.substr(at_, expected.size()) != expected) {
            fail("unknown word");
        }
        at_ += expected.size();
        return value;
    }

    void descend() {
        if (++depth_ > limits_.max_depth) {
            fail("nested deeper than " + std::to_string(limits_.max_depth) + " levels");
        }
        ++at_;
        skip_space();
    }

    Value parse_array() {
        descend();
        Array items;
        if (!eat(']')) {
            const std::size_t base = path_.size();
            do {
                skip_space();
                path_ += '/';
                path_ += std::to_string(items.size());
                items.push_back(parse_value());
                path_.resize(base);
                skip_space();
            } while (eat(','));
            if (!eat(']')) {
                fail("expected ',' or ']'");
            }
        }
        --depth_;
        return Value(Value::Data(std::move(items)));
    }

    Value parse_object() {
        descend();
        Object members;
        if (!eat('}')) {
            std::set<std::string, std::less<>> seen;
            const std::size_t base = path_.size();
            do {
                skip_space();
                if (peek() != '"') {
                    fail("expected a member name in quotes");
                }
                std::string name = parse_string();
                path_ = pointer(path_, name);
                if (!seen.insert(name).second) {
                    fail("the same name is given twice");
                }
                skip_space();
                if (!eat(':')) {
                    fail("expected ':'");
                }
                skip_space();
                members.push_back(Member{std::move(name), parse_value()});
                path_.resize(base);
                skip_space();
            } while (eat(','));
            if (!eat('}')) {
                fail("expected ',' or '}'");
            }
        }
        --depth_;
        return Value(Value::Data(std::move(members)));
    }

    unsigned parse_hex4() {
        if (text_.size() - at_ < 4) {
            fail("a \\u escape needs four hexadecimal digits");
        }
        unsigned code = 0;
        for (int i = 0; i < 4; ++i) {
            const char c = text_[at_];
            unsigned digit = 0;
            if (c >= '0' && c <= '9') {
                digit = static_cast<unsigned>(c - '0');
            } else if (c >= 'a' && c <= 'f') {
                digit = static_cast<unsigned>(c - 'a') + 10;
            } else if (c >= 'A' && c <= 'F') {
                digit = static_cast<unsigned>(c - 'A') + 10;
            } else {
                fail("a \\u escape needs four hexadecimal digits");
            }
            code = code * 16 + digit;
            ++at_;
        }
        return code;
    }

    static void append_utf8(std::string& out, unsigned code) {
        const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
        if (code < 0x80) {
            put(code);
        } else if (code < 0x800) {
            put(0xC0U | (code >> 6U));
            put(0x80U | (code & 0x3FU));
        } else if (code < 0x10000) {
            put(0xE0U | (code >> 12U));
            put(0x80U | ((code >> 6U) & 0x3FU));
            put(0x80U | (code & 0x3FU));
        } else {
            put(0xF0U | (code >> 18U));
            put(0x80U | ((code >> 12U) & 0x3FU));
            put(0x80U | ((code >> 6U) & 0x3FU));
            put(0x80U | (code & 0x3FU));
        }
    }

    void parse_escape(std::string& out) {
        const char c = peek();
        ++at_;
        switch (c) {
        case '"':
        case '\\':
        case '/':
            out += c;
            return;
        case 'b':
            out += '\b';
            return;
        case 'f':
            out += '\f';
            return;
        case 'n':
            out += '\n';
            return;
        case 'r':
            out += '\r';
            return;
        case 't':
            out += '\t';
            return;
        case 'u':
            break;
        default:
            fail("unknown escape");
        }
        unsigned code = parse_hex4();
        if (code >= 0xD800 && code <= 0xDBFF) {
            if (!(eat('\\') && eat('u'))) {
                fail("half of a surrogate pair");
            }
            const unsigned low = parse_hex4();
            if (low < 0xDC00 || low > 0xDFFF) {
                fail("half of a surrogate pair");
            }
            code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
        } else if (code >= 0xDC00 && code <= 0xDFFF) {
            fail("half of a surrogate pair");
        } else if (code == 0) {
            fail("NUL in a string");
        }
        append_utf8(out, code);
    }

    std::string parse_string() {
        ++at_;
        std::string out;
        for (;;) {
            if (done()) {
                fail("a string does not end");
            }
            const auto c = static_cast<unsigned char>(text_[at_]);
            if (c == '"') {
                ++at_;
                return out;
            }
            if (c == '\\') {
                ++at_;
                parse_escape(out);
                continue;
            }
            if (c < 0x20) {
                fail("a control character in a string");
            }
            const std::size_t length = utf8_sequence(text_, at_);
            if (length == 0) {
                fail("malformed UTF-8");
            }
            out.append(text_, at_, length);
            at_ += length;
        }
    }

    void digits() {
        if (!(peek() >= '0' && peek() <= '9')) {
            fail("expected a value");
        }
        while (peek() >= '0' && peek() <= '9') {
            ++at_;
        }
    }

    static std::optional<double> to_real(std::string_view text) {
#if defined(__cpp_lib_to_chars)
        double real = 0;
        const auto result = std::from_chars(text.data(), text.data() + text.size(), real);
        if (result.ec != std::errc() || result.ptr != text.data() + text.size()) {
            return std::nullopt;
        }
        return real;
#else
        std::istringstream stream{std::string(text)};
        stream.imbue(std::locale::classic());
        double real = 0;
        stream >> real;
        return stream.fail() ? std::nullopt : std::optional<double>(real);
#endif
    }

    Value parse_number() {
        const std::size_t begin = at_;
        bool whole = true;
        eat('-');
        if (!eat('0')) {
            digits();
        }
        if (eat('.')) {
            whole = false;
            digits();
        }
        if (peek() == 'e' || peek() == 'E') {
            whole = false;
            ++at_;
            if (!eat('+')) {
                eat('-');
            }
            digits();
        }
        const std::string_view text = text_.substr(begin, at_ - begin);
        if (whole) {
            std::int64_t value = 0;
            const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
            if (result.ec == std::errc()) {
                return Value(value);
            }
        }
        const std::optional<double> real = to_real(text);
        if (!real || !std::isfinite(*real)) {
            fail("the number is out of range");
        }
        return Value(*real);
    }

    std::string_view text_;
    const Limits& limits_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::string path_;
};

} // namespace detail

/// Throws Error(INVALID_CONFIG) with detail `path`.
inline Value parse(std::string_view text, const Limits& limits = {}) {
    return detail::Parser(text, limits).document();
}

/// Typed access to a JSON object. A missing or mistyped member is an Error(INVALID_CONFIG) with the
/// details `path` and `expected`. Borrows the value it was made from.
class Config {
public:
    explicit Config(const Value& value, std::string path = {})
        : value_(&value), path_(std::move(path)) {
        if (value.object() == nullptr) {
            throw wrong(path_, "an object");
        }
    }

    bool has(std::string_view name) const noexcept { return value_->find(name) != nullptr; }
    const Value& value() const noexcept { return *value_; }
    const std::string& path() const noexcept { return path_; }

    const std::string& string(std::string_view name) const {
        const std::string* found = require(name, "a string").string();
        return found != nullptr ? *found : throw wrong(pointer(path_, name), "a string");
    }
    std::string string(std::string_view name, std::string_view fallback) const {
        return has(name) ? string(name) : std::string(fallback);
    }
    std::int64_t integer(std::string_view name) const {
        const std::int64_t* found = require(name, "a whole number").integer();
        return found != nullptr ? *found : throw wrong(pointer(path_, name), "a whole number");
    }
    std::int64_t integer(std::string_view name, std::int64_t fallback) const {
        return has(name) ? integer(name) : fallback;
    }
    double number(std::string_view name) const {
        const std::optional<double> found = require(name, "a number").number();
        return found ? *found : throw wrong(pointer(path_, name), "a number");
    }
    double number(std::string_view name, double fallback) const {
        return has(name) ? number(name) : fallback;
    }
    bool boolean(std::string_view name) const {
        const bool* found = require(name, "true or false").boolean();
        return found != nullptr ? *found : throw wrong(pointer(path_, name), "true or false");
    }
    bool boolean(std::string_view name, bool fallback) const {
        return has(name) ? boolean(name) : fallback;
    }
    /// A list of strings; empty if the member is missing.
    std::vector<std::string> strings(std::string_view name) const {
        std::vector<std::string> out;
        if (!has(name)) {
            return out;
        }
        const Array* items = value_->find(name)->array();
        const std::string at = pointer(path_, name);
        if (items == nullptr) {
            throw wrong(at, "a list of strings");
        }
        for (const Value& item : *items) {
            if (item.string() == nullptr) {
                throw wrong(pointer(at, std::to_string(out.size())), "a string");
            }
            out.push_back(*item.string());
        }
        return out;
    }
    /// A nested object.
    Config object(std::string_view name) const {
        return Config(require(name, "an object"), pointer(path_, name));
    }
    /// Fails if there is a member that is not in this list.
    void only(std::initializer_list<std::string_view> names) const {
        for (const Member& member : *value_->object()) {
            bool known = false;
            for (const std::string_view name : names) {
                known = known || member.name == name;
            }
            if (!known) {
                throw Error(SYNCLINE_E_INVALID_CONFIG, "unknown setting '" + member.name + "'")
                    .detail(SYNCLINE_DETAIL_PATH, pointer(path_, member.name));
            }
        }
    }
    /// An error about one member, for checks of the author's own.
    Error invalid(std::string_view name, const std::string& expected) const {
        return wrong(pointer(path_, name), expected);
    }

private:
    const Value& require(std::string_view name, const char* expected) const {
        const Value* found = value_->find(name);
        if (found == nullptr) {
            throw Error(SYNCLINE_E_INVALID_CONFIG,
                        "the setting '" + std::string(name) + "' is missing")
                .detail(SYNCLINE_DETAIL_PATH, pointer(path_, name))
                .detail(SYNCLINE_DETAIL_EXPECTED, expected);
        }
        return *found;
    }
    /// As people write it: `rules.0.every` for the pointer `/rules/0/every`.
    static std::string spelled(std::string_view path) {
        std::string out;
        for (const char c : path.substr(path.empty() ? 0 : 1)) {
            out += c == '/' ? '.' : c;
        }
        return out;
    }
    static Error wrong(const std::string& path, const std::string& expected) {
        const std::string what =
            path.empty() ? "the settings" : "the setting '" + spelled(path) + "'";
        return Error(SYNCLINE_E_INVALID_CONFIG, what + " must be " + expected)
            .detail(SYNCLINE_DETAIL_PATH, path)
            .detail(SYNCLINE_DETAIL_EXPECTED, expected);
    }

    const Value* value_;
    std::string path_;
};

} // namespace syncline::sdk::json

#endif
