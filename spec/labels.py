"""Every label of the SUIT documents and every COSE number that hardsuit uses, as Enums.

Generated from registry.toml by `python -m spec.generate`; do not edit. LABELS.md has the
types and the source of each. Plain Enum, so that equal numbers of two tables never meet.
"""

from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING

__all__ = [
    "CONDITIONS",
    "CONTENT_CIPHERS",
    "Capability",
    "CborTag",
    "Claim",
    "CoSwid",
    "CoSwidRole",
    "CoSwidVersionScheme",
    "Command",
    "Common",
    "ComponentMetadata",
    "CoseAlgorithm",
    "CoseCurve",
    "CoseHeader",
    "CoseKeyOperation",
    "CoseKeyParameter",
    "CoseKeyType",
    "DIRECTIVES",
    "DIRECT_RECIPIENTS",
    "Dependency",
    "Envelope",
    "FileType",
    "HASHES",
    "KEY_AGREEMENTS",
    "KEY_WRAPS",
    "Label",
    "MACS",
    "Manifest",
    "MtiProfile",
    "NamedHash",
    "Parameter",
    "Permission",
    "Policy",
    "PreRelease",
    "Record",
    "Report",
    "ReportReason",
    "SEVERABLE_CHOICES",
    "SEVERABLE_MEMBERS",
    "SIGNATURES",
    "SystemClaim",
    "TextComponent",
    "TextManifest",
    "UNSEVERABLE_SEQUENCES",
    "VersionComparison",
    "WaitEvent",
]


class Label(Enum):
    """What every table is: members are singletons, so identity hashes them (and fast)."""

    __hash__ = object.__hash__

    if not TYPE_CHECKING:  # Enum's own property runs Python for each look-up
        value = property(attrgetter("_value_"))


class Envelope(Label):
    """Keys of the SUIT_Envelope map."""

    AUTHENTICATION_WRAPPER = 2
    MANIFEST = 3
    COSWID = 14
    DEPENDENCY_RESOLUTION = 15
    PAYLOAD_FETCH = 16
    CANDIDATE_VERIFICATION = 18
    INSTALL = 20
    TEXT = 23


class Manifest(Label):
    """Keys of the SUIT_Manifest map."""

    MANIFEST_VERSION = 1
    MANIFEST_SEQUENCE_NUMBER = 2
    COMMON = 3
    REFERENCE_URI = 4
    MANIFEST_COMPONENT_ID = 5
    SET_VERSION = 6
    VALIDATE = 7
    LOAD = 8
    INVOKE = 9
    COSWID = 14
    DEPENDENCY_RESOLUTION = 15
    PAYLOAD_FETCH = 16
    CANDIDATE_VERIFICATION = 18
    INSTALL = 20
    TEXT = 23
    UNINSTALL = 24


class Common(Label):
    """Keys of the SUIT_Common map."""

    DEPENDENCIES = 1
    COMPONENTS = 2
    SHARED_SEQUENCE = 4


class Dependency(Label):
    """Keys of a SUIT_Dependency_Metadata map."""

    PREFIX = 1


class Command(Label):
    """Commands: conditions and directives share one number space."""

    VENDOR_IDENTIFIER = 1
    CLASS_IDENTIFIER = 2
    IMAGE_MATCH = 3
    USE_BEFORE = 4
    COMPONENT_SLOT = 5
    CHECK_CONTENT = 6
    DEPENDENCY_INTEGRITY = 7
    IS_DEPENDENCY = 8
    PROCESS_DEPENDENCY = 11
    SET_COMPONENT_INDEX = 12
    ABORT = 14
    TRY_EACH = 15
    WRITE = 18
    SET_PARAMETERS = 19
    OVERRIDE_PARAMETERS = 20
    FETCH = 21
    COPY = 22
    INVOKE = 23
    DEVICE_IDENTIFIER = 24
    IMAGE_NOT_MATCH = 25
    MINIMUM_BATTERY = 26
    UPDATE_AUTHORIZED = 27
    VERSION = 28
    WAIT = 29
    SWAP = 31
    RUN_SEQUENCE = 32
    UNLINK = 33
    OVERRIDE_MULTIPLE = 34
    COPY_PARAMS = 35


class Parameter(Label):
    """Parameters of override-parameters and set-parameters."""

    VENDOR_IDENTIFIER = 1
    CLASS_IDENTIFIER = 2
    IMAGE_DIGEST = 3
    USE_BEFORE = 4
    COMPONENT_SLOT = 5
    STRICT_ORDER = 12
    SOFT_FAILURE = 13
    IMAGE_SIZE = 14
    CONTENT = 18
    ENCRYPTION_INFO = 19
    URI = 21
    SOURCE_COMPONENT = 22
    INVOKE_ARGS = 23
    DEVICE_IDENTIFIER = 24
    FETCH_ARGUMENTS = 25
    MINIMUM_BATTERY = 26
    UPDATE_PRIORITY = 27
    VERSION = 28
    WAIT_INFO = 29
    COMPONENT_METADATA = 30


class Policy(Label):
    """Bits of SUIT_Rep_Policy; a policy is the sum of the bits that are set."""

    RECORD_ON_SUCCESS = 1
    RECORD_ON_FAILURE = 2
    SYSINFO_SUCCESS = 4
    SYSINFO_FAILURE = 8


class TextManifest(Label):
    """Keys of manifest-level text."""

    MANIFEST_DESCRIPTION = 1
    UPDATE_DESCRIPTION = 2
    MANIFEST_JSON_SOURCE = 3
    MANIFEST_YAML_SOURCE = 4


class TextComponent(Label):
    """Keys of component-level text."""

    VENDOR_NAME = 1
    MODEL_NAME = 2
    VENDOR_DOMAIN = 3
    MODEL_INFO = 4
    COMPONENT_DESCRIPTION = 5
    COMPONENT_VERSION = 6
    VERSION_REQUIRED = 7
    CURRENT_VERSION = 8


class VersionComparison(Label):
    """Comparison operators of the version parameter."""

    GREATER = 1
    GREATER_EQUAL = 2
    EQUAL = 3
    LESSER_EQUAL = 4
    LESSER = 5


class PreRelease(Label):
    """Numbers that stand for pre-release markers inside a version array."""

    RELEASE_CANDIDATE = -1
    BETA = -2
    ALPHA = -3


class WaitEvent(Label):
    """Keys of a SUIT_Wait_Event map."""

    AUTHORIZATION = 1
    POWER = 2
    NETWORK = 3
    OTHER_DEVICE_VERSION = 4
    TIME = 5
    TIME_OF_DAY = 6
    DAY_OF_WEEK = 7
    TIME_OF_DAY_UTC = 8
    DAY_OF_WEEK_UTC = 9


class ComponentMetadata(Label):
    """Keys of a SUIT_Component_Metadata map."""

    DEFAULT_PERMISSIONS = 1
    USER_PERMISSIONS = 2
    GROUP_PERMISSIONS = 3
    ROLE_PERMISSIONS = 4
    FILE_TYPE = 5
    MODIFICATION_TIME = 6
    CREATION_TIME = 7
    CREATOR = 8


class FileType(Label):
    """Values of the file-type metadata."""

    REGULAR = 1
    DIRECTORY = 2
    SYMLINK = 3


class Permission(Label):
    """Bits of a permission word, as numbers with that bit set."""

    TRAVERSE_EXEC = 1
    CREATE_WRITE = 2
    LIST_READ = 4
    CREATEDIR_APPEND = 8
    READ_ATTR = 16
    READ_PERM = 32
    CHANGE_PERM = 64
    CHANGE_OWNER = 128
    WRITE_ATTR = 256
    RECURSE_DELETE = 512
    DELETE = 1024
    SYNC = 2048
    READ_ATTR_EX = 4096
    WRITE_ATTR_EX = 8192


class Report(Label):
    """Keys of the SUIT_Report map and of its result map."""

    NONCE = 2
    RECORDS = 3
    RESULT = 4
    RESULT_CODE = 5
    RESULT_RECORD = 6
    RESULT_REASON = 7
    CAPABILITY_REPORT = 8
    REFERENCE = 99


class Record(Label):
    """Positions in the SUIT_Record array."""

    MANIFEST_ID = 0
    MANIFEST_SECTION = 1
    SECTION_OFFSET = 2
    COMPONENT_INDEX = 3
    PROPERTIES = 4


class SystemClaim(Label):
    """The key of system-property-claims that is no parameter."""

    COMPONENT_ID = 0


class ReportReason(Label):
    """Why a manifest was not accepted."""

    OK = 0
    CBOR_PARSE = 1
    COSE_UNSUPPORTED = 2
    ALG_UNSUPPORTED = 3
    UNAUTHORISED = 4
    COMMAND_UNSUPPORTED = 5
    COMPONENT_UNSUPPORTED = 6
    COMPONENT_UNAUTHORISED = 7
    PARAMETER_UNSUPPORTED = 8
    SEVERING_UNSUPPORTED = 9
    CONDITION_FAILED = 10
    OPERATION_FAILED = 11
    INVOKE_PENDING = 12


class Capability(Label):
    """Keys of the SUIT_Capability_Report map."""

    COMPONENT_CAPABILITIES = 1
    COMMAND_CAPABILITIES = 2
    PARAMETERS_CAPABILITIES = 3
    CRYPT_ALGO_CAPABILITIES = 4
    ENVELOPE_CAPABILITIES = 5
    MANIFEST_CAPABILITIES = 6
    COMMON_CAPABILITIES = 7
    TEXT_CAPABILITIES = 8
    TEXT_COMPONENT_CAPABILITIES = 9
    DEPENDENCY_CAPABILITIES = 10


class CoSwid(Label):
    """Keys of the maps of a CoSWID: one number space for all of them."""

    TAG_ID = 0
    SOFTWARE_NAME = 1
    ENTITY = 2
    EVIDENCE = 3
    LINK = 4
    SOFTWARE_META = 5
    PAYLOAD = 6
    HASH = 7
    CORPUS = 8
    PATCH = 9
    MEDIA = 10
    SUPPLEMENTAL = 11
    TAG_VERSION = 12
    SOFTWARE_VERSION = 13
    VERSION_SCHEME = 14
    LANG = 15
    DIRECTORY = 16
    FILE = 17
    PROCESS = 18
    RESOURCE = 19
    SIZE = 20
    FILE_VERSION = 21
    KEY = 22
    LOCATION = 23
    FS_NAME = 24
    ROOT = 25
    PATH_ELEMENTS = 26
    PROCESS_NAME = 27
    PID = 28
    TYPE = 29
    ENTITY_NAME = 31
    REG_ID = 32
    ROLE = 33
    THUMBPRINT = 34
    DATE = 35
    DEVICE_ID = 36
    ARTIFACT = 37
    HREF = 38
    OWNERSHIP = 39
    REL = 40
    MEDIA_TYPE = 41
    USE = 42
    ACTIVATION_STATUS = 43
    CHANNEL_TYPE = 44
    COLLOQUIAL_VERSION = 45
    DESCRIPTION = 46
    EDITION = 47
    ENTITLEMENT_DATA_REQUIRED = 48
    ENTITLEMENT_KEY = 49
    GENERATOR = 50
    PERSISTENT_ID = 51
    PRODUCT = 52
    PRODUCT_FAMILY = 53
    REVISION = 54
    SUMMARY = 55
    UNSPSC_CODE = 56
    UNSPSC_VERSION = 57


class CoSwidRole(Label):
    """Roles of a CoSWID's entities."""

    TAG_CREATOR = 1
    SOFTWARE_CREATOR = 2
    AGGREGATOR = 3
    DISTRIBUTOR = 4
    LICENSOR = 5
    MAINTAINER = 6


class CoSwidVersionScheme(Label):
    """How the software version of a CoSWID is to be read."""

    MULTIPARTNUMERIC = 1
    MULTIPARTNUMERIC_SUFFIX = 2
    ALPHANUMERIC = 3
    DECIMAL = 4
    SEMVER = 16384


class NamedHash(Label):
    """Hash algorithms of the Named Information registry, which CoSWID uses."""

    SHA_256 = 1
    SHA_384 = 7
    SHA_512 = 8
    SHA3_256 = 10
    SHA3_384 = 11
    SHA3_512 = 12


class CborTag(Label):
    """CBOR tags that hardsuit reads or writes; any other tag is malformed."""

    EPOCH_TIME = 1
    COSE_ENCRYPT0 = 16
    COSE_MAC0 = 17
    COSE_SIGN1 = 18
    URI = 32
    UUID = 37
    COSE_ENCRYPT = 96
    COSE_MAC = 97
    COSE_SIGN = 98
    SUIT_ENVELOPE = 107
    OID_RELATIVE = 110
    OID = 111
    PEN = 112
    SUIT_MANIFEST = 1070


class CoseAlgorithm(Label):
    """COSE algorithm identifiers that hardsuit knows."""

    SHA_256 = -16
    SHAKE128 = -18
    SHA_384 = -43
    SHA_512 = -44
    SHAKE256 = -45
    ESP256 = -9
    ESP384 = -51
    ESP512 = -52
    ED25519 = -19
    ED448 = -53
    HSS_LMS = -46
    ML_DSA_44 = -48
    ML_DSA_65 = -49
    ML_DSA_87 = -50
    ES256 = -7
    ES384 = -35
    ES512 = -36
    EDDSA = -8
    HMAC_256 = 5
    HMAC_384 = 6
    HMAC_512 = 7
    DIRECT = -6
    A128KW = -3
    A192KW = -4
    A256KW = -5
    ECDH_ES_A128KW = -29
    ECDH_ES_A192KW = -30
    ECDH_ES_A256KW = -31
    A128GCM = 1
    A192GCM = 2
    A256GCM = 3
    CHACHA20_POLY1305 = 24
    A128CTR = -65534
    A192CTR = -65533
    A256CTR = -65532
    A128CBC = -65531
    A192CBC = -65530
    A256CBC = -65529


class CoseHeader(Label):
    """COSE header labels; those of a recipient's key agreement are negative."""

    ALG = 1
    CRIT = 2
    CONTENT_TYPE = 3
    KID = 4
    IV = 5
    PARTIAL_IV = 6
    COUNTER_SIGNATURE = 7
    COUNTERSIGNATURE = 11
    COUNTERSIGNATURE0 = 12
    EPHEMERAL_KEY = -1
    STATIC_KEY = -2
    STATIC_KEY_ID = -3
    SALT = -20
    PARTY_U_IDENTITY = -21
    PARTY_U_NONCE = -22
    PARTY_U_OTHER = -23
    PARTY_V_IDENTITY = -24
    PARTY_V_NONCE = -25
    PARTY_V_OTHER = -26


class CoseKeyType(Label):
    """Values of kty in a COSE_Key."""

    OKP = 1
    EC2 = 2
    SYMMETRIC = 4
    HSS_LMS = 5
    AKP = 7


class CoseCurve(Label):
    """Values of crv in a COSE_Key."""

    P_256 = 1
    P_384 = 2
    P_521 = 3
    X25519 = 4
    X448 = 5
    ED25519 = 6
    ED448 = 7


class CoseKeyParameter(Label):
    """Labels of a COSE_Key; the negative ones mean what the key type says, so names share numbers."""

    KTY = 1
    KID = 2
    ALG = 3
    KEY_OPS = 4
    BASE_IV = 5
    CRV = -1
    X = -2
    Y = -3
    D = -4
    K = -1
    PUB = -1
    PRIV = -2


class CoseKeyOperation(Label):
    """Values of key_ops in a COSE_Key."""

    SIGN = 1
    VERIFY = 2
    ENCRYPT = 3
    DECRYPT = 4
    WRAP_KEY = 5
    UNWRAP_KEY = 6
    DERIVE_KEY = 7
    DERIVE_BITS = 8
    MAC_CREATE = 9
    MAC_VERIFY = 10


class Claim(Label):
    """Claims of an IC's quote, an Entity Attestation Token; those below -65536 are private use."""

    IAT = 6
    NONCE = 10
    UEID = 256
    UPTIME = 261
    EAT_PROFILE = 265
    BOOTCOUNT = 267
    GENERATION = -70000
    PCRS = -70001
    FLOORS = -70002
    REPOSITORY = -70003
    LEVELS = -70004


class MtiProfile(Label):
    """Mandatory profiles: (digest, authentication, key exchange, content encryption)."""

    SHA256_HMAC_A128KW_A128CTR = (-16, 5, -3, -65534)
    SHA256_ESP256_ECDH_A128CTR = (-16, -9, -29, -65534)
    SHA256_ED25519_ECDH_A128CTR = (-16, -19, -29, -65534)
    SHA256_ESP256_ECDH_A128GCM = (-16, -9, -29, 1)
    SHA256_ED25519_ECDH_CHACHA_POLY = (-16, -19, -29, 24)
    SHA256_HSSLMS_A256KW_A256CTR = (-16, -46, -5, -65532)


SEVERABLE_MEMBERS: frozenset[Envelope] = frozenset(
    {
        Envelope.COSWID,
        Envelope.DEPENDENCY_RESOLUTION,
        Envelope.PAYLOAD_FETCH,
        Envelope.CANDIDATE_VERIFICATION,
        Envelope.INSTALL,
        Envelope.TEXT,
    }
)


SEVERABLE_CHOICES: frozenset[Manifest] = frozenset(
    {
        Manifest.COSWID,
        Manifest.DEPENDENCY_RESOLUTION,
        Manifest.PAYLOAD_FETCH,
        Manifest.CANDIDATE_VERIFICATION,
        Manifest.INSTALL,
        Manifest.TEXT,
    }
)


UNSEVERABLE_SEQUENCES: frozenset[Manifest] = frozenset(
    {
        Manifest.VALIDATE,
        Manifest.LOAD,
        Manifest.INVOKE,
        Manifest.UNINSTALL,
    }
)


CONDITIONS: frozenset[Command] = frozenset(
    {
        Command.VENDOR_IDENTIFIER,
        Command.CLASS_IDENTIFIER,
        Command.IMAGE_MATCH,
        Command.USE_BEFORE,
        Command.COMPONENT_SLOT,
        Command.CHECK_CONTENT,
        Command.DEPENDENCY_INTEGRITY,
        Command.IS_DEPENDENCY,
        Command.ABORT,
        Command.DEVICE_IDENTIFIER,
        Command.IMAGE_NOT_MATCH,
        Command.MINIMUM_BATTERY,
        Command.UPDATE_AUTHORIZED,
        Command.VERSION,
    }
)


DIRECTIVES: frozenset[Command] = frozenset(
    {
        Command.PROCESS_DEPENDENCY,
        Command.SET_COMPONENT_INDEX,
        Command.TRY_EACH,
        Command.WRITE,
        Command.SET_PARAMETERS,
        Command.OVERRIDE_PARAMETERS,
        Command.FETCH,
        Command.COPY,
        Command.INVOKE,
        Command.WAIT,
        Command.SWAP,
        Command.RUN_SEQUENCE,
        Command.UNLINK,
        Command.OVERRIDE_MULTIPLE,
        Command.COPY_PARAMS,
    }
)


HASHES: frozenset[CoseAlgorithm] = frozenset(
    {
        CoseAlgorithm.SHA_256,
        CoseAlgorithm.SHAKE128,
        CoseAlgorithm.SHA_384,
        CoseAlgorithm.SHA_512,
        CoseAlgorithm.SHAKE256,
    }
)


SIGNATURES: frozenset[CoseAlgorithm] = frozenset(
    {
        CoseAlgorithm.ESP256,
        CoseAlgorithm.ESP384,
        CoseAlgorithm.ESP512,
        CoseAlgorithm.ED25519,
        CoseAlgorithm.ED448,
        CoseAlgorithm.HSS_LMS,
        CoseAlgorithm.ML_DSA_44,
        CoseAlgorithm.ML_DSA_65,
        CoseAlgorithm.ML_DSA_87,
        CoseAlgorithm.ES256,
        CoseAlgorithm.ES384,
        CoseAlgorithm.ES512,
        CoseAlgorithm.EDDSA,
    }
)


MACS: frozenset[CoseAlgorithm] = frozenset(
    {
        CoseAlgorithm.HMAC_256,
        CoseAlgorithm.HMAC_384,
        CoseAlgorithm.HMAC_512,
    }
)


DIRECT_RECIPIENTS: frozenset[CoseAlgorithm] = frozenset(
    {
        CoseAlgorithm.DIRECT,
    }
)


KEY_WRAPS: frozenset[CoseAlgorithm] = frozenset(
    {
        CoseAlgorithm.A128KW,
        CoseAlgorithm.A192KW,
        CoseAlgorithm.A256KW,
    }
)


KEY_AGREEMENTS: frozenset[CoseAlgorithm] = frozenset(
    {
        CoseAlgorithm.ECDH_ES_A128KW,
        CoseAlgorithm.ECDH_ES_A192KW,
        CoseAlgorithm.ECDH_ES_A256KW,
    }
)


CONTENT_CIPHERS: frozenset[CoseAlgorithm] = frozenset(
    {
        CoseAlgorithm.A128GCM,
        CoseAlgorithm.A192GCM,
        CoseAlgorithm.A256GCM,
        CoseAlgorithm.CHACHA20_POLY1305,
        CoseAlgorithm.A128CTR,
        CoseAlgorithm.A192CTR,
        CoseAlgorithm.A256CTR,
        CoseAlgorithm.A128CBC,
        CoseAlgorithm.A192CBC,
        CoseAlgorithm.A256CBC,
    }
)
