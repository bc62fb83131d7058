/*
 * A stand-in for mysqld 5.7, 8.0, 8.4 and 9.x, of which no build is to be had here: the functions that we attach
 * to under the names that the compiler gives the real ones, with their arguments, and the structures that they are
 * given, by the published headers' facts (include/mysql/com_data.h, include/lex_string.h, sql/sql_class.h,
 * sql/auth/sql_security_ctx.h, sql_string.h). Where members lie in THD differs from build to build: here by VERSION.
 *
 * Reads commands, one a line; see main.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION 80
#endif
#ifdef SPARSE
#define COPY_DB copied_otherwise
#else
#define COPY_DB copy_db_to
#endif
#define EXPORT __attribute__((noipa, used, visibility("default")))

typedef unsigned int uint;
typedef unsigned long ulong;
typedef unsigned char uchar;
typedef unsigned long long ulonglong;

#if VERSION < 80
struct st_mysql_const_lex_string { const char *str; size_t length; };
typedef st_mysql_const_lex_string LEX_CSTRING;
#else
struct MYSQL_LEX_CSTRING { const char *str; size_t length; };
typedef MYSQL_LEX_CSTRING LEX_CSTRING;
#endif

enum enum_server_command { COM_SLEEP, COM_QUIT, COM_INIT_DB, COM_QUERY, COM_FIELD_LIST, COM_PING = 14,
	COM_STMT_PREPARE = 22, COM_STMT_EXECUTE, COM_STMT_SEND_LONG_DATA, COM_STMT_CLOSE, COM_STMT_RESET,
	COM_STMT_FETCH = 28 };

enum enum_field_types { MYSQL_TYPE_DECIMAL };

struct PS_PARAM {
	unsigned char null_bit;
	enum enum_field_types type;
	bool unsigned_type;
	const unsigned char *value;
	unsigned long length;
	const unsigned char *name;
	unsigned long name_length;
};

struct COM_INIT_DB_DATA { const char *db_name; unsigned long length; };
struct COM_QUERY_DATA {
	const char *query;
	unsigned int length;
#if VERSION >= 80
	PS_PARAM *parameters;
	unsigned long parameter_count;
#endif
};
struct COM_FIELD_LIST_DATA { uchar *table_name; uint table_name_length; const uchar *query; uint query_length; };
struct COM_STMT_PREPARE_DATA { const char *query; unsigned int length; };
#if VERSION >= 80
struct COM_STMT_EXECUTE_DATA { ulong stmt_id; ulong open_cursor; PS_PARAM *parameters; ulong parameter_count;
	uchar has_new_types; };
#else
struct COM_STMT_EXECUTE_DATA { ulong stmt_id; ulong flags; uchar *params; ulong params_length; };
#endif
struct COM_STMT_SEND_LONG_DATA_DATA { ulong stmt_id; uint param_number; uchar *longdata; ulong length; };
struct COM_STMT_ID_DATA { uint stmt_id; };

union COM_DATA {
	COM_INIT_DB_DATA com_init_db;
	COM_QUERY_DATA com_query;
	COM_FIELD_LIST_DATA com_field_list;
	COM_STMT_PREPARE_DATA com_stmt_prepare;
	COM_STMT_EXECUTE_DATA com_stmt_execute;
	COM_STMT_SEND_LONG_DATA_DATA com_stmt_send_long_data;
	COM_STMT_ID_DATA com_stmt_id;
};

class String {
public:
	char *m_ptr = nullptr;
	size_t m_length = 0;
	const void *m_charset = nullptr;
	uint32_t m_alloced_length = 0;
	bool m_is_alloced = false;
	void set(const char *text) { m_ptr = strdup(text); m_length = strlen(text); }
};
static_assert(sizeof(String) == 32, "String");

class Security_context {
public:
	String m_user, m_host, m_ip, m_host_or_ip, m_external_user;
};

class THD {
public:
	char before[VERSION * 8];
	LEX_CSTRING m_db;
	LEX_CSTRING m_query_string;
	char between[VERSION * 16];
	Security_context m_main_security_ctx;
	Security_context *m_security_ctx;
	ulong statement_id_counter;
	uint m_thread_id;
	ulonglong m_sent_row_count;
	char query[1 << 20];

	void set_sent_row_count(ulonglong count);
	bool COPY_DB(char const **p_db, size_t *p_db_length) const;
};

/* What is exported and read for its offsets. */
char server_version[60];
EXPORT void THD::set_sent_row_count(ulonglong count) { m_sent_row_count = count; }
EXPORT bool THD::COPY_DB(char const **p_db, size_t *p_db_length) const
{
	if (m_db.str == nullptr)
		return true;
	*p_db = m_db.str;
	*p_db_length = m_db.length;
	return false;
}
#ifndef SPARSE /* a build that tells nearly nothing */
extern "C" EXPORT LEX_CSTRING thd_query_unsafe(THD *thd) { return thd->m_query_string; }
extern "C" EXPORT uint thd_get_thread_id(const THD *thd) { return thd->m_thread_id; }
extern "C" EXPORT bool thd_get_security_context(THD *thd, Security_context **context)
{
	*context = thd->m_security_ctx;
	return false;
}
#endif

class Prepared_statement {
public:
	ulong id;
	EXPORT Prepared_statement(THD *thd) { id = ++thd->statement_id_counter; }
};

class Lex_input_stream {
public:
	const char *text;
	EXPORT void reset(const char *buffer, size_t length) { text = buffer; asm volatile("" ::"r"(length)); }
};

class Protocol_classic {
public:
	EXPORT bool send_ok(uint status, uint warnings, ulonglong affected, ulonglong id, const char *message)
	{
		asm volatile("" ::"r"(status), "r"(warnings), "r"(affected), "r"(id), "r"(message));
		return false;
	}
	EXPORT bool send_error(uint code, const char *message, const char *sqlstate)
	{
		asm volatile("" ::"r"(code), "r"(message), "r"(sqlstate));
		return false;
	}
};

static Protocol_classic protocol;

EXPORT bool mysql_change_db(THD *thd, const LEX_CSTRING &name, bool force)
{
	asm volatile("" ::"r"(force));
	if (thd->m_db.str && thd->m_db.length >= name.length)
		memcpy((char *)thd->m_db.str, name.str, name.length + 1); /* in place, as the server does */
	else
		thd->m_db.str = strdup(name.str);
	thd->m_db.length = name.length;
	return false;
}

/* A statement of our own language: what the server would answer. */
static void run(THD *thd, const char *text)
{
	unsigned long number;
	char state[6], rest[256];

	thd->set_sent_row_count(0);
	while (*text == ' ')
		text++;
	if (sscanf(text, "ROWS %lu", &number) == 1) {
		thd->set_sent_row_count(number); /* and an EOF packet, which we do not look at */
	} else if (sscanf(text, "ERROR %lu %5s %255[^;]", &number, state, rest) == 3) {
		protocol.send_error(number, rest, state);
	} else if (sscanf(text, "USE %255[^;]", rest) == 1) {
		LEX_CSTRING name = { rest, strlen(rest) };
		mysql_change_db(thd, name, false);
		protocol.send_ok(0, 0, 0, 0, nullptr);
	} else if (sscanf(text, "SLEEP %lu", &number) == 1) {
		usleep(number * 1000);
		thd->set_sent_row_count(1);
	} else if (sscanf(text, "CLOSE %lu", &number) == 1) {
		protocol.send_error(number, "the connection ends", "08S01");
	} else if (!strncmp(text, "FREE", 4)) {
		munmap(thd, sizeof(THD));
	} else {
		number = 0;
		sscanf(text, "AFFECTED %lu", &number);
		protocol.send_ok(0, 0, number, 0, nullptr);
	}
}

#if VERSION >= 80
EXPORT void mysqld_stmt_execute(THD *thd, Prepared_statement *, bool, ulong, PS_PARAM *) { run(thd, "ROWS 1"); }
#else
EXPORT void mysqld_stmt_execute(THD *thd, ulong, ulong, uchar *, ulong) { run(thd, "ROWS 1"); }
#endif

EXPORT bool dispatch_command(THD *thd, const COM_DATA *data, enum enum_server_command command)
{
	thd->set_sent_row_count(0);
	switch (command) {
	case COM_QUERY: {
		if (data->com_query.length >= sizeof(thd->query))
			break; /* it lies */
		memcpy(thd->query, data->com_query.query, data->com_query.length);
		thd->query[data->com_query.length] = 0;
		Lex_input_stream lex;
		const char *text = thd->query;
		const char *end = text + data->com_query.length;
		while (text) {
			lex.reset(text, end - text);
			const char *next = strchr(text, ';');
			while (next && (next[1] == ' ' || next[1] == ';'))
				next++;
			bool last = !next || next[1] == 0;
			thd->m_query_string = { text, strlen(text) };
			if (!last) /* once it is parsed, it is known where it ends */
				thd->m_query_string.length = strcspn(text, ";");
			run(thd, text);
			if (strstr(text, "ERROR") && (!next || strstr(text, "ERROR") < next))
				break;
			text = last ? nullptr : next + 1;
		}
		return !strncmp(data->com_query.query, "CLOSE", 5);
	}
	case COM_INIT_DB: {
		LEX_CSTRING name = { data->com_init_db.db_name, data->com_init_db.length };
		mysql_change_db(thd, name, false);
		protocol.send_ok(0, 0, 0, 0, nullptr);
		break;
	}
	case COM_STMT_PREPARE:
		delete new Prepared_statement(thd);
		break;
	case COM_STMT_EXECUTE:
#if VERSION >= 80
		mysqld_stmt_execute(thd, nullptr, true, 0, data->com_stmt_execute.parameters);
#else
		mysqld_stmt_execute(thd, data->com_stmt_execute.stmt_id, 0, data->com_stmt_execute.params,
				    data->com_stmt_execute.params_length);
#endif
		break;
	case COM_QUIT:
		return true;
	default:
		break;
	}
	return false;
}

/* Bytes of a hexadecimal text, behind which there is a NUL. */
static uchar *bytes_of(const char *hex, size_t *size)
{
	*size = strlen(hex) / 2;
	uchar *bytes = (uchar *)malloc(*size + 1);
	for (size_t i = 0; i < *size; i++)
		sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
	bytes[*size] = 0;
	return bytes;
}

static THD *new_thd(uint id, const char *user, const char *host, const char *db)
{
	THD *thd = (THD *)mmap(nullptr, sizeof(THD), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	thd->m_security_ctx = &thd->m_main_security_ctx;
	thd->m_security_ctx->m_user.set(user);
	thd->m_security_ctx->m_host.set(host);
	thd->m_security_ctx->m_ip.set("10.0.0.1");
	thd->m_thread_id = id;
	if (strcmp(db, "-"))
		thd->m_db = { strdup(db), strlen(db) };
	return thd;
}

/* COM_STMT_EXECUTE: the id, then for each parameter `type:unsigned:hex`, or `type:0:-` for NULL. */
static void execute(THD *thd, char *line)
{
	COM_DATA data = {};
	PS_PARAM params[300] = {};
	uchar packet[65536];
	size_t at = 0;
	int count = 0, used, type, is_unsigned;
	char hex[4096];

	sscanf(line, "%lu%n", &data.com_stmt_execute.stmt_id, &used);
	line += used;
	while (sscanf(line, " %d:%d:%4095s%n", &type, &is_unsigned, hex, &used) == 3) {
		PS_PARAM *param = &params[count++];
		param->type = (enum enum_field_types)type;
		param->unsigned_type = is_unsigned;
		line += used;
		param->null_bit = hex[0] == '-';
		if (param->null_bit)
			continue;
		size_t size;
		uchar *bytes = bytes_of(hex, &size);
		if (type > 5 && type != 8)
			packet[at++] = size; /* a length goes before it */
		param->value = packet + at;
		param->length = size;
		memcpy(packet + at, bytes, size);
		at += size;
	}
#if VERSION >= 80
	data.com_stmt_execute.parameters = params;
	data.com_stmt_execute.parameter_count = count;
	data.com_stmt_execute.has_new_types = 1;
	dispatch_command(thd, &data, COM_STMT_EXECUTE);
#else
	uchar *whole = (uchar *)calloc(1, sizeof(packet) + 1024);
	size_t bitmap = (count + 7) / 8, to = bitmap + 1;
	whole[bitmap] = 1;
	for (int i = 0; i < count; i++) {
		if (params[i].null_bit)
			whole[i / 8] |= 1 << (i % 8);
		whole[to++] = params[i].type;
		whole[to++] = params[i].unsigned_type ? 0x80 : 0;
	}
	memcpy(whole + to, packet, at);
	data.com_stmt_execute.params = whole;
	data.com_stmt_execute.params_length = to + at;
	dispatch_command(thd, &data, COM_STMT_EXECUTE);
#endif
}

struct Load { THD *thd; int thread, count; };

static void *load(void *argument)
{
	Load *load = (Load *)argument;
	for (int i = 0; i < load->count; i++) {
		char text[64];
		COM_DATA data = {};
		data.com_query.query = text;
		data.com_query.length = snprintf(text, sizeof(text), "SLEEP 1 load %d %d", load->thread, i);
		dispatch_command(load->thd, &data, COM_QUERY);
	}
	return nullptr;
}

static THD *thds[64];

/*
 * thd N ID USER HOST DB          a connection; DB is - where there is none
 * text N COMMAND HEX             a command whose packet is a text
 * id N COMMAND ID                one about a prepared statement
 * execute N ID TYPE:UNSIGNED:HEX …
 * long N ID PARAMETER HEX
 * lie N COMMAND ADDRESS LENGTH   a text that is not there
 * load THREADS COUNT             statements on threads of their own
 * Each is answered by a line.
 */
int main()
{
	static char line[1 << 20], hex[1 << 20];
	snprintf(server_version, sizeof(server_version), "%d.%d.99-standin", VERSION / 10, VERSION % 10);
	printf("%p\n", (void *)dispatch_command);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		COM_DATA data = {};
		int n = 0, command = 0, count = 0, used = 0;
		uint id = 0;
		ulong address = 0, length = 0;
		size_t size = 0;
		char user[64], host[64], db[64];
		if (sscanf(line, "thd %d %u %63s %63s %63s", &n, &id, user, host, db) == 5) {
			thds[n] = new_thd(id, user, host, db);
		} else if (sscanf(line, "text %d %d %1048575s", &n, &command, hex) == 3) {
			data.com_query.query = (char *)bytes_of(hex, &size);
			if (command == COM_INIT_DB)
				data.com_init_db.length = size;
			else
				data.com_query.length = size;
			dispatch_command(thds[n], &data, (enum enum_server_command)command);
		} else if (sscanf(line, "id %d %d %u", &n, &command, &id) == 3) {
			data.com_stmt_id.stmt_id = id;
			dispatch_command(thds[n], &data, (enum enum_server_command)command);
		} else if (sscanf(line, "execute %d%n", &n, &used) == 1) {
			execute(thds[n], line + used);
		} else if (sscanf(line, "long %d %u %d %1048575s", &n, &id, &count, hex) == 4) {
			data.com_stmt_send_long_data.stmt_id = id;
			data.com_stmt_send_long_data.param_number = count;
			data.com_stmt_send_long_data.longdata = bytes_of(hex, &size);
			data.com_stmt_send_long_data.length = size;
			dispatch_command(thds[n], &data, COM_STMT_SEND_LONG_DATA);
		} else if (sscanf(line, "lie %d %d %lx %lx", &n, &command, &address, &length) == 4) {
			data.com_query.query = (char *)address;
			data.com_query.length = length;
			dispatch_command(thds[n], &data, (enum enum_server_command)command);
		} else if (sscanf(line, "load %d %d", &n, &count) == 2) {
			pthread_t threads[64];
			Load loads[64];
			for (int i = 0; i < n; i++) {
				loads[i] = { new_thd(1000 + i, "load", "localhost", "-"), i, count };
				pthread_create(&threads[i], nullptr, load, &loads[i]);
			}
			for (int i = 0; i < n; i++)
				pthread_join(threads[i], nullptr);
		}
		puts("done");
		fflush(stdout);
	}
	return 0;
}
