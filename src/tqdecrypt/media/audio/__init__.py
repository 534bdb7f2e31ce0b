"""What was said: RTP payloads become sound, when somebody asks for exactly that."""

from tqdecrypt.media.audio.decoders import Decoder, decoder_for, sample_rate_of
from tqdecrypt.media.audio.level import Level
from tqdecrypt.media.audio.track import RtpPayload, Track

__all__ = ["Decoder", "Level", "RtpPayload", "Track", "decoder_for", "sample_rate_of"]
